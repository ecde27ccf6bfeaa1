/** Buckets and objects in memory. Bucket names are global, as on S3; object keys belong to a bucket. */

export type StoredObject = {
  readonly key: string;
  readonly body: Uint8Array;
  /** Entity tag (ETag) of the object, including its quotes. */
  readonly etag: string;
  /** Time of the last change in milliseconds since the epoch, truncated to seconds as in HTTP dates. */
  readonly lastModified: number;
  /** Headers that are returned as they were sent (`content-type`, `x-amz-meta-…`), with names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly checksum: { readonly algorithm: string; readonly value: string } | undefined;
};

export type Bucket = {
  readonly name: string;
  /** Id of the AWS account that created the bucket. */
  readonly accountId: string;
  readonly region: string;
  readonly created: number;
  readonly objects: Map<string, StoredObject>;
};

export type BucketStore = Map<string, Bucket>;

/**
 * Compares keys in UTF-8 byte order, the order of S3 listings. JavaScript's string order differs for characters beyond
 * the basic plane.
 */
export function compareKeys(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
export function isBucketName(name: string): boolean {
  return (
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) &&
    !name.includes('..') &&
    !/^\d+\.\d+\.\d+\.\d+$/.test(name) &&
    !/^(?:xn--|sthree-|amzn-s3-demo-)/.test(name) &&
    !/(?:-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/.test(name)
  );
}
