/** Result of an operation, before it is serialized. */
export type Answer = {
  readonly status: number;
  /** Response headers, with names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  /** Whether the call changed the state of S3. */
  readonly changed: boolean;
};
