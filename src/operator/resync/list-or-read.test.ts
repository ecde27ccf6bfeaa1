import { describe, expect, it } from 'vitest';
import { chooseListOrRead, type ListOrRead } from './roles.ts';

describe('a resync of roles', () => {
  it.each<[string, number, number | undefined, boolean, ListOrRead]>([
    ['lists first, since nothing is known yet', 0, undefined, false, 'listing'],
    ['lists if one page holds all roles of the AWS account', 1, 1, false, 'listing'],
    ['lists if a listing and reads take the same number of calls', 1, 2, false, 'listing'],
    ['reads the only role if a listing takes more than two pages', 1, 3, false, 'reads'],
    ['chooses reads if the cluster has no role', 0, 3, false, 'reads'],
    ['lists for ten roles if a listing takes three pages', 10, 3, false, 'listing'],
    ['reads four roles if a listing takes nine pages', 4, 9, false, 'reads'],
    ['lists for thousands of roles', 5000, 8, false, 'listing'],
    ['reads thousands of roles if AWS denies listings', 5000, 8, true, 'reads'],
    ['reads the roles if AWS has denied the first listing', 10, undefined, true, 'reads'],
  ])('%s', (_name, ownedRoles, pagesOfLastListing, listingDenied, expected) => {
    expect(chooseListOrRead({ ownedRoles, pagesOfLastListing, listingDenied })).toBe(expected);
  });
});
