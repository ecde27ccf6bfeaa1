/** Limits each wait of a command by a timeout, and ends the progress report of the wait. */
import { isUnreachable, type KubeObject } from '../../../kube/index.ts';
import type { CliContext } from '../context.ts';
import { formatDuration } from '../duration.ts';
import { CliError } from '../errors.ts';
import { followObject, type Following } from './follow.ts';
import type { Reporter } from './reporter.ts';

/** Text for an interrupted wait: the work that continues in the cluster, and how to follow this work. */
export type Interruption = {
  /** State of the cluster, as a clause without a full stop. */
  readonly state: string;
  readonly next: readonly string[];
};

/**
 * @param wait performs the wait. It must end when the given signal aborts: at the timeout, or when the user interrupts the
 * command
 * @param late creates the error for an expired timeout. Its argument is the duration of the timeout as text. A more
 * specific error, for example that the server is unreachable, takes precedence
 * @param interrupted text of the error if the user interrupts the wait
 */
export async function withinTime<R>(
  { signal }: CliContext,
  timeoutMs: number,
  wait: (signal: AbortSignal) => Promise<R>,
  late: (waited: string) => CliError,
  interrupted: Interruption,
): Promise<R> {
  // Node.js accepts only whole milliseconds, but the remaining time on a monotonic clock can be fractional.
  const timeout = AbortSignal.timeout(Math.ceil(timeoutMs));
  try {
    return await wait(AbortSignal.any([signal, timeout]));
  } catch (error) {
    if (signal.aborted && !(error instanceof CliError))
      throw new CliError('INTERRUPTED', `interrupted: ${interrupted.state}`, {
        next: interrupted.next,
        cause: error,
      });
    const isLate =
      timeout.aborted && !signal.aborted && !(error instanceof CliError) && !isUnreachable(error);
    throw isLate ? late(formatDuration(timeoutMs)) : error;
  }
}

type Wait<T, R> = {
  readonly timeoutMs: number;
  /** Returns the result of the wait, or undefined to wait for the next change. */
  readonly look: (seen: T) => R | undefined | Promise<R | undefined>;
  readonly late: (waited: string) => CliError;
  readonly interrupted: Interruption;
};

/** Passes each followed value to `look`, until `look` returns a result. */
export function waitFor<T, R>(
  context: CliContext,
  follow: (signal: AbortSignal) => AsyncIterable<T>,
  of: Wait<T, R>,
): Promise<R> {
  const wait = async (signal: AbortSignal): Promise<R> => {
    for await (const seen of follow(signal)) {
      const result = await of.look(seen);
      if (result !== undefined) return result;
    }
    throw new Error('the watch of the awaited objects has ended');
  };
  return withinTime(context, of.timeoutMs, wait, of.late, of.interrupted);
}

/** Follows one object; `look` receives undefined while the object does not exist. */
export function waitForObject<T extends KubeObject, R>(
  context: CliContext,
  { name, ...of }: Pick<Following, 'client' | 'resource' | 'namespace'> & { readonly name: string },
  wait: Wait<T | undefined, R>,
): Promise<R> {
  return waitFor(context, (signal) => followObject<T>({ ...of, clock: context, signal }, name), wait);
}

/** Ends the report of a wait. After a failure, the report marks what failed. */
export async function reported<R>(reporter: Reporter, wait: Promise<R>): Promise<R> {
  try {
    return await wait;
  } catch (error) {
    if (error instanceof CliError && error.code !== 'INTERRUPTED') reporter.fail();
    throw error;
  } finally {
    reporter.end();
  }
}
