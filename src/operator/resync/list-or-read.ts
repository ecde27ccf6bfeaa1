/** How a sweep for drift looks at the fleet's roles: whichever of two ways takes fewer calls. */

export type ListOrReadInput = {
  /** Roles of ours that are known to exist. */
  readonly ownedRoles: number;
  /** How many calls the last listing of the whole account took; undefined before the first. */
  readonly pagesOfLastListing: number | undefined;
  /** AWS has lately denied the operator a listing. */
  readonly listingDenied: boolean;
};

/**
 * `listing`: GetAccountAuthorizationDetails, page by page, which tells of all roles of the account, whoever's they are.
 * `reads`: each of our roles on its own.
 */
export type ListOrRead = 'listing' | 'reads';

/** GetRole and ListAttachedRolePolicies. */
const callsPerRole = 2;

export function chooseListOrRead({
  ownedRoles,
  pagesOfLastListing,
  listingDenied,
}: ListOrReadInput): ListOrRead {
  if (listingDenied) return 'reads';
  // Without a listing it is not known which roles there are, nor how long a listing is.
  if (pagesOfLastListing === undefined) return 'listing';
  return ownedRoles * callsPerRole < pagesOfLastListing ? 'reads' : 'listing';
}
