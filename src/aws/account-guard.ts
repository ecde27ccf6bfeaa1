/**
 * Guard against credentials of another AWS account. Credentials are renewed while a process runs, and the new
 * credentials may belong to another account. A plan for one AWS account must not be applied in another.
 */
import { IdentityError, type CallerIdentity } from '../identity/index.ts';

export function createAccountGuard(options: {
  /** Returns the access key id of the credentials that sign the next call. Rejects without credentials. */
  readonly accessKeyId: () => Promise<string>;
  readonly callerIdentity: () => Promise<CallerIdentity>;
}) {
  let known: { readonly accessKeyId: string; readonly caller: CallerIdentity } | undefined;
  let inFlight:
    | { readonly accessKeyId: string | undefined; readonly answer: Promise<CallerIdentity> }
    | undefined;

  const identify = async (accessKeyId: string | undefined): Promise<CallerIdentity> => {
    if (inFlight && inFlight.accessKeyId === accessKeyId) return inFlight.answer;
    const request = { accessKeyId, answer: options.callerIdentity() };
    inFlight = request;
    try {
      const caller = await request.answer;
      if (accessKeyId !== undefined) known = { accessKeyId, caller };
      return caller;
    } finally {
      if (inFlight === request) inFlight = undefined;
    }
  };

  return {
    /** Calls AWS once for each set of credentials and caches the result. Concurrent callers share one call. */
    async callerIdentity(signal?: AbortSignal): Promise<CallerIdentity> {
      // Without credentials, the AWS call itself fails, and its error is the most helpful one.
      const accessKeyId = await options.accessKeyId().catch(() => undefined);
      return unlessAborted(identify(accessKeyId), signal);
    },

    /**
     * Checks that the current credentials belong to the AWS account. Calls AWS once to check new credentials, and not
     * at all for credentials that were checked before.
     * @throws IdentityError `WrongAccount`, or another code if the AWS account of the credentials cannot be determined
     */
    async assertAccount(accountId: string): Promise<void> {
      const accessKeyId = await options.accessKeyId();
      const caller = known?.accessKeyId === accessKeyId ? known.caller : await identify(accessKeyId);
      if (caller.accountId === accountId) return;
      throw new IdentityError(
        'WrongAccount',
        `the operator's credentials (${caller.arn}) belong to the AWS account ${caller.accountId}, but the cluster's roles belong to the AWS account ${accountId}; therefore the operator makes no AWS call`,
      );
    },
  };
}

/**
 * Rejects when the caller's signal aborts, but does not abort the shared call, because other callers may still wait for
 * it.
 */
async function unlessAborted<T>(answer: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return answer;
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    signal.throwIfAborted();
    return await Promise.race([answer, aborted]);
  } finally {
    if (stop) signal.removeEventListener('abort', stop);
  }
}
