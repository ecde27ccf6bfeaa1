/** Makes the calls to one AWS service on behalf of one caller. Calls are scheduled, and their errors are classified. */
import type { Client, Command, MetadataBearer } from '@smithy/types';
import { IdentityError } from '../identity/index.ts';
import { classifyAwsError } from './errors.ts';
import type { Caller, CallScheduler } from './scheduler.ts';

export type Call = {
  readonly action: string;
  /** Object of the call, as messages name it: a role, or a role and a policy. */
  readonly on?: string;
  /** Set for a read. Callers that request the same read before it is sent share one call. */
  readonly read?: true;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Schedules a call. `attempt` receives the options for the SDK's `send`.
 * @throws IdentityError, or the signal's reason
 */
export type Calls = <T>(
  call: Call,
  attempt: (options: { readonly abortSignal: AbortSignal }) => Promise<T>,
) => Promise<T>;

export function callsOf(
  service: 'iam' | 'sts' | 'eks' | 'eks-auth',
  scheduler: CallScheduler,
  caller: Caller,
  options: {
    readonly classify?: (error: unknown, doing: string) => IdentityError;
    /** Awaited before each attempt of any call. A rejection prevents the attempt. */
    readonly beforeCall?: (() => Promise<void>) | undefined;
    /** Called right before each attempt of a write, after all waiting. It can throw to prevent the attempt. */
    readonly beforeWrite?: (() => void) | undefined;
  } = {},
): Calls {
  const { classify = classifyAwsError, beforeCall, beforeWrite } = options;
  return async ({ action, on, read, signal }, attempt) => {
    let mayBeDone = false;
    const doing = `${service}:${action}${on === undefined ? '' : ` on ${on}`}`;
    try {
      return await scheduler.run(
        { action, caller, signal, ...(read ? { sameAs: doing } : {}) },
        async (abortSignal) => {
          if (beforeCall) {
            await beforeCall();
            abortSignal.throwIfAborted();
          }
          if (!read) beforeWrite?.();
          try {
            return await attempt({ abortSignal });
          } catch (error) {
            // AWS may have executed this attempt of the call, even if all later attempts fail.
            mayBeDone ||= classify(error, doing).mayBeDone;
            throw error;
          }
        },
      );
    } catch (error) {
      if (signal?.aborted) throw error;
      const classified = classify(error, doing);
      throw classified.mayBeDone === mayBeDone
        ? classified
        : new IdentityError(classified.code, classified.message, { cause: classified.cause, mayBeDone });
    }
  };
}

/** Returns a function that sends a command of the SDK as a scheduled call. */
export function senderOf<In extends object, Out extends MetadataBearer, Config>(
  client: Pick<Client<In, Out, Config>, 'send'>,
  calls: Calls,
) {
  return <I extends In, O extends Out>(call: Call, command: Command<In, I, Out, O, Config>): Promise<O> =>
    calls(call, (attempt) => client.send(command, attempt));
}
