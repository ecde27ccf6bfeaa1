/**
 * Whose credentials these are, asked before anything is done with them. They are renewed while a process runs, and others may
 * have been put in their place while there was none: what was planned for one AWS account must not happen in another.
 */
import { IdentityError, type CallerIdentity } from '../identity/index.ts';

export type AccountGuard = {
  /** Asks AWS, and remembers it of these credentials. Who asks while the answer is on its way gets the same one. */
  callerIdentity(signal?: AbortSignal): Promise<CallerIdentity>;
  /** One call for credentials that are new, none for others. @throws IdentityError `WrongAccount`, or why it cannot be told */
  assertAccount(accountId: string): Promise<void>;
};

export function createAccountGuard(options: {
  /** Of the credentials that the next call is signed with. Rejects when there are none. */
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
      // Without credentials the call itself says best what is wrong.
      const accessKeyId = await options.accessKeyId().catch(() => undefined);
      return unlessAborted(ask(accessKeyId), signal);
    },

    async assertAccount(accountId) {
      const accessKeyId = await options.accessKeyId();
      const caller = known?.accessKeyId === accessKeyId ? known.caller : await ask(accessKeyId);
      if (caller.accountId === accountId) return;
      throw new IdentityError(
        'WrongAccount',
        `the operator's credentials (${caller.arn}) belong to the AWS account ${caller.accountId}, but the cluster's roles are in ${accountId}; nothing is done in either`,
      );
    },
  };
}

/** The answer goes on for whoever else waits for it. */
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
