/** Result of an operation, before it is serialized. */
export type Answer = {
  readonly status: number;
  /** Header names are in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  /** Whether the call changed state. */
  readonly changed: boolean;
};
