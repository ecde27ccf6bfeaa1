/** Chooses how to compare the cluster's roles with AWS: by a listing or by reads, whichever takes fewer calls. */

/**
 * `listing`: GetAccountAuthorizationDetails, which returns every role of the AWS account in pages. `reads`: a separate
 * read of each role of the cluster.
 */
export type ListOrRead = 'listing' | 'reads';

/** Number of AWS calls to read one role: GetRole and ListAttachedRolePolicies. */
const callsPerRole = 2;

export function chooseListOrRead(of: {
  /** Number of the cluster's existing roles that are known. */
  readonly ownedRoles: number;
  /** Number of AWS calls that the last listing took. Undefined before the first listing. */
  readonly pagesOfLastListing: number | undefined;
  /** Whether AWS recently denied a listing. */
  readonly listingDenied: boolean;
}): ListOrRead {
  if (of.listingDenied) return 'reads';
  // Nothing is known before the first listing: neither which roles exist, nor how many pages a listing takes.
  if (of.pagesOfLastListing === undefined) return 'listing';
  return of.ownedRoles * callsPerRole < of.pagesOfLastListing ? 'reads' : 'listing';
}
