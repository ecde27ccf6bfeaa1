import { describe, expect, it } from 'vitest';
import { chooseListOrRead, type ListOrRead } from './list-or-read.ts';

describe('a resync of roles', () => {
  it.each<[string, number, number | undefined, boolean, ListOrRead]>([
    ['lists first, as nothing is known', 0, undefined, false, 'listing'],
    ['lists where one page holds all', 1, 1, false, 'listing'],
    ['lists where both ways take as many calls', 1, 2, false, 'listing'],
    ['reads one role in an account of more than two pages', 1, 3, false, 'reads'],
    ['reads nothing where nothing is ours', 0, 3, false, 'reads'],
    ['lists for ten roles among two thousand', 10, 3, false, 'listing'],
    ['reads a handful in a huge account', 4, 9, false, 'reads'],
    ['lists a large fleet', 5000, 8, false, 'listing'],
    ['reads a large fleet where it may not list', 5000, 8, true, 'reads'],
    ['reads where it was never allowed to list', 10, undefined, true, 'reads'],
  ])('%s', (_name, ownedRoles, pagesOfLastListing, listingDenied, expected) => {
    expect(chooseListOrRead({ ownedRoles, pagesOfLastListing, listingDenied })).toBe(expected);
  });
});
