/** Chooses the way to compare the roles of the cluster with AWS that takes fewer calls. */

/**
 * `listing`: GetAccountAuthorizationDetails, which shows every role of the AWS account, page by page. `reads`: a read
 * of each role of the cluster.
 */
export type ListOrRead = 'listing' | 'reads';

/** Number of calls per role: GetRole and ListAttachedRolePolicies. */
const callsPerRole = 2;

export function chooseListOrRead(of: {
  /** Number of existing roles of the cluster, as far as known. */
  readonly ownedRoles: number;
  /** Calls that the last listing took; undefined before the first. */
  readonly pagesOfLastListing: number | undefined;
  /** Whether AWS denied a listing recently. */
  readonly listingDenied: boolean;
}): ListOrRead {
  if (of.listingDenied) return 'reads';
  // Only a listing shows which roles exist, and how many pages a listing takes.
  if (of.pagesOfLastListing === undefined) return 'listing';
  return of.ownedRoles * callsPerRole < of.pagesOfLastListing ? 'reads' : 'listing';
}
