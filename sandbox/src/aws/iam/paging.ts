/** Pages of the IAM list actions. A marker names the last item of a page, so paging tolerates changes between pages. */
import { validationError } from './errors.ts';

const defaultPageSize = 100;

export type PageRequest = {
  readonly Marker: string | undefined;
  readonly MaxItems: number | undefined;
};

export type Page<T> = {
  readonly items: readonly T[];
  /** The two elements that every paged response of IAM contains. */
  readonly end: { readonly IsTruncated: boolean; readonly Marker?: string };
};

/** Returns a page of a sorted sequence. `entries` yields the items after the given key; keys are unique and sorted. */
export function pageOf<T>(
  request: PageRequest,
  entries: (after: string | undefined) => Iterable<readonly [string, T]>,
): Page<T> {
  const size = request.MaxItems ?? defaultPageSize;
  const items: T[] = [];
  let lastKey = '';
  for (const [key, item] of entries(readMarker(request.Marker))) {
    if (items.length === size) return { items, end: { IsTruncated: true, Marker: writeMarker(lastKey) } };
    items.push(item);
    lastKey = key;
  }
  return { items, end: { IsTruncated: false } };
}

/** Returns a page of a small list in memory. The list is sorted by `key`, which is unique. */
export function pageOfList<T>(request: PageRequest, all: readonly T[], key: (item: T) => string): Page<T> {
  const sorted = all
    .map((item) => [key(item), item] as const)
    .sort(([left], [right]) => (left < right ? -1 : 1));
  return pageOf(request, (after) =>
    after === undefined ? sorted : sorted.filter(([itemKey]) => itemKey > after),
  );
}

const writeMarker = (key: string): string => Buffer.from(`k${key}`).toString('base64');

function readMarker(marker: string | undefined): string | undefined {
  if (marker === undefined) return undefined;
  const text = Buffer.from(marker, 'base64').toString('utf8');
  if (!text.startsWith('k') || writeMarker(text.slice(1)) !== marker) {
    throw validationError('Invalid Marker.');
  }
  return text.slice(1);
}
