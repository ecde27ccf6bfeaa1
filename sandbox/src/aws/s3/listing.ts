/**
 * One page of a listing: the keys with a prefix, grouped into common prefixes at the delimiter, and the start of the
 * next page.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
 */
import { compareKeys } from './store.ts';

export type ListingRequest = {
  readonly prefix: string;
  /** Delimiter at which keys are grouped; empty if keys are not grouped. */
  readonly delimiter: string;
  /** The page starts after this key or common prefix; empty for the first page. */
  readonly after: string;
  readonly limit: number;
};

export type ListingPage = {
  readonly keys: readonly string[];
  readonly commonPrefixes: readonly string[];
  /** Last item of the page if more items follow: the value of `after` for the next page. */
  readonly next: string | undefined;
};

export function listPage(keys: Iterable<string>, request: ListingRequest): ListingPage {
  const { prefix, delimiter, after, limit } = request;
  const page = { keys: [] as string[], commonPrefixes: [] as string[] };
  let last: string | undefined;
  for (const key of [...keys].filter((candidate) => candidate.startsWith(prefix)).sort(compareKeys)) {
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const item = cut < 0 ? key : key.slice(0, cut + delimiter.length);
    // If `after` is a common prefix, keys that begin with it are skipped too: they sort after it, but an earlier page
    // covers them.
    if (item === last || item === after || compareKeys(key, after) <= 0) continue;
    if (page.keys.length + page.commonPrefixes.length >= limit) {
      // A page with limit 0 has no last item, so no later page can continue after it.
      return { ...page, next: limit === 0 ? undefined : last };
    }
    (cut < 0 ? page.keys : page.commonPrefixes).push(item);
    last = item;
  }
  return { ...page, next: undefined };
}
