/**
 * Guard against credentials of another AWS account. Credentials are renewed while a process runs, and the new ones may
 * belong to another account: a plan for one AWS account must not be applied in another.
 */
import { IdentityError, type CallerIdentity } from '../identity/index.ts';

export type AccountGuard = {
  /** Calls AWS once for each set of credentials and caches the result. Concurrent callers share one call. */
  callerIdentity(signal?: AbortSignal): Promise<CallerIdentity>;
  /**
   * Makes one call for new credentials and none for known ones. @throws IdentityError `WrongAccount`, or the reason why
   * the account is unknown
   */
  assertAccount(accountId: string): Promise<void>;
};

export function createAccountGuard(options: {
  /** Access key id of the credentials that sign the next call. Rejects if there are none. */
  readonly accessKeyId: () => Promise<string>;
  readonly callerIdentity: () => Promise<CallerIdentity>;
}): AccountGuard {
  let known: { readonly accessKeyId: string; readonly caller: CallerIdentity } | undefined;
  let asked:
    | { readonly accessKeyId: string | undefined; readonly answer: Promise<CallerIdentity> }
    | undefined;

  const ask = async (accessKeyId: string | undefined): Promise<CallerIdentity> => {
    if (asked && asked.accessKeyId === accessKeyId) return asked.answer;
    const asking = { accessKeyId, answer: options.callerIdentity() };
    asked = asking;
    try {
      const caller = await asking.answer;
      if (accessKeyId !== undefined) known = { accessKeyId, caller };
      return caller;
    } finally {
      if (asked === asking) asked = undefined;
    }
  };

  return {
    async callerIdentity(signal) {
      // Without credentials, the call itself fails with the most helpful error.
      const accessKeyId = await options.accessKeyId().catch(() => undefined);
      return unlessAborted(ask(accessKeyId), signal);
    },

    async assertAccount(accountId) {
      const accessKeyId = await options.accessKeyId();
      const caller = known?.accessKeyId === accessKeyId ? known.caller : await ask(accessKeyId);
      if (caller.accountId === accountId) return;
      throw new IdentityError(
        'WrongAccount',
        `the operator's credentials (${caller.arn}) belong to the AWS account ${caller.accountId}, but the cluster's roles are in ${accountId}; no call is made in either`,
      );
    },
  };
}

/** Rejects on abort without aborting the shared call, because other callers may still wait for it. */
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
