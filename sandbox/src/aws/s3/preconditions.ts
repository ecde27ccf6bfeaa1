/** Conditional requests, as HTTP and S3 define them. https://www.rfc-editor.org/rfc/rfc9110#section-13 */
import { AwsError } from '../wire/service.ts';
import { s3Error } from './errors.ts';
import type { StoredObject } from './store.ts';

type Headers = Readonly<Record<string, string>>;

/** @throws PreconditionFailed (412) or NotModified (304) if the conditions do not allow the object to be returned */
export function checkReadConditions(headers: Headers, object: StoredObject): void {
  const match = headers['if-match'];
  if (match !== undefined) {
    if (!names(match, object.etag)) throw s3Error('PreconditionFailed', { Condition: 'If-Match' });
  } else if (isAfter(object.lastModified, headers['if-unmodified-since']) === true) {
    throw s3Error('PreconditionFailed', { Condition: 'If-Unmodified-Since' });
  }
  const noneMatch = headers['if-none-match'];
  const unmodified =
    noneMatch === undefined
      ? isAfter(object.lastModified, headers['if-modified-since']) === false
      : names(noneMatch, object.etag);
  if (unmodified) throw new AwsError('NotModified', 'Not Modified', 304);
}

/**
 * @throws PreconditionFailed for `If-None-Match: *` if the object exists, and for `If-Match` if the ETag of the object
 *   does not match
 */
export function checkWriteConditions(headers: Headers, existing: StoredObject | undefined): void {
  const noneMatch = headers['if-none-match'];
  if (noneMatch !== undefined) {
    if (noneMatch !== '*') throw s3Error('NotImplemented', { Header: 'If-None-Match' });
    if (existing) throw s3Error('PreconditionFailed', { Condition: 'If-None-Match' });
  }
  const match = headers['if-match'];
  if (match === undefined) return;
  if (!existing) throw s3Error('NoSuchKey');
  if (!names(match, existing.etag)) throw s3Error('PreconditionFailed', { Condition: 'If-Match' });
}

function names(list: string, etag: string): boolean {
  return list.split(',').some((item) => {
    const bare = item.trim().replaceAll('"', '');
    return bare === '*' || `"${bare}"` === etag;
  });
}

/** Returns undefined if the date is absent or invalid, because a header with an invalid date must be ignored. */
function isAfter(time: number, date: string | undefined): boolean | undefined {
  const limit = date === undefined ? Number.NaN : Date.parse(date);
  return Number.isNaN(limit) ? undefined : time > limit;
}
