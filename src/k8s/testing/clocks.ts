/** Clocks of this process, for tests, benchmarks and scripts. The program's own enter in src/bin. */
import type { Monotonic, Wall } from '../time.ts';

// Not taken from `Date` once: a test may replace the global clocks.
export const wallClock = (): Wall => Date.now() as Wall;
export const monotonicClock = (): Monotonic => performance.now() as Monotonic;
