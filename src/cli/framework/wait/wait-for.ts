/** Waiting with a timeout, for all commands. */
import { isUnreachable } from '../../../kube/index.ts';
import type { CliContext } from '../context.ts';
import { formatDuration } from '../duration.ts';
import { CliError } from '../errors.ts';

/** Text for an interrupted wait: the work that continues in the cluster, and how to follow this work. */
export type Interruption = {
  /** State of the cluster, as a clause without a full stop. */
  readonly state: string;
  readonly next: readonly string[];
};

/**
 * @param wait runs the wait, and ends when its signal aborts: at the timeout, or when the user interrupts the command
 * @param late creates the error for an expired timeout, from its duration as text; a more specific error, such as an
 * unreachable server, takes precedence
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

/** Passes each followed value to `look`, until `look` returns a result. */
export function waitFor<T, R>(
  context: CliContext,
  follow: (signal: AbortSignal) => AsyncIterable<T>,
  of: {
    readonly timeoutMs: number;
    readonly look: (seen: T) => R | undefined | Promise<R | undefined>;
    readonly late: (waited: string) => CliError;
    readonly interrupted: Interruption;
  },
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
