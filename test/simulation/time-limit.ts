/**
 * Time limit of a single run. A test makes hundreds of runs, and their total time depends on their number and on the
 * machine's load, so the total time does not show whether one run hangs. Therefore each run has its own limit, and the
 * test has none.
 */

/** Limit in milliseconds, on the machine's real clock. Most runs take a tenth of a second on one processor. */
const limitMs = 120_000;

/** Options of a test whose runs have their own limits. */
export const noLimit = { timeout: 0 } as const;

/**
 * @param what identifies the run, preferably the command that repeats only this run
 * @throws Error that names `what` if the run does not end in time
 */
export async function inTime<T>(what: string, run: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it does not come to an end: ${what}`)), limitMs);
  });
  try {
    return await Promise.race([run(), limit]);
  } finally {
    clearTimeout(timer);
  }
}
