/** Choice between the two ways to compare the roles of the cluster with AWS: the one that takes fewer calls. */

/**
 * `listing`: GetAccountAuthorizationDetails, which shows every role of the AWS account, page by page.
 * `reads`: each role of the cluster by itself.
 */
export type ListOrRead = 'listing' | 'reads';

/** GetRole and ListAttachedRolePolicies. */
const callsPerRole = 2;

export function chooseListOrRead(of: {
  /** Existing roles of the cluster, as far as known. */
  readonly ownedRoles: number;
  /** Calls that the last listing took; undefined before the first. */
  readonly pagesOfLastListing: number | undefined;
  /** Whether AWS denied a listing lately. */
  readonly listingDenied: boolean;
}): ListOrRead {
  if (of.listingDenied) return 'reads';
  // Only a listing shows which roles there are, and how many pages they take.
  if (of.pagesOfLastListing === undefined) return 'listing';
  return of.ownedRoles * callsPerRole < of.pagesOfLastListing ? 'reads' : 'listing';
}
