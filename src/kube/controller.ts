/** Runs reconciles: keys in, bounded concurrency, retries with backoff. */

/**
 * What a reconcile asks for. Nothing: done until something changes. `requeueAfterMs`: look again then.
 * `backoff`: as after an error, but the reconcile has told the reason itself.
 */
// oxlint-disable-next-line typescript/no-invalid-void-type -- a reconcile may simply return
export type ReconcileResult = { readonly requeueAfterMs?: number; readonly backoff?: true } | void;

export type Reconcile = (key: string, signal: AbortSignal) => Promise<ReconcileResult>;

export type EnqueueOptions = {
  /** Not before this many milliseconds from now; the earliest of several wins. */
  readonly afterMs?: number;
  /** Higher goes first; 0 unless told otherwise; the highest of several wins. */
  readonly priority?: number;
};

export type Controller = {
  readonly name: string;
  enqueue(key: string, options?: EnqueueOptions): void;
  /** Works until `signal` aborts, then lets what is running finish, and resolves. */
  start(signal: AbortSignal): Promise<void>;
};
