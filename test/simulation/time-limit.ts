/**
 * Time limit of a single run. A test makes hundreds of runs, whose time together depends on their number and the machine's load, and
 * does not show whether one of them hangs. So each has a limit of its own, and the test has none.
 */

/** Most take a tenth of a second of one processor. Milliseconds of the machine's own clock. */
const limitMs = 120_000;

/** For a test whose runs have limits. */
export const noLimit = { timeout: 0 } as const;

/** @param what says which run it is, best as the command that runs it alone @throws Error that says so when it does not end */
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
