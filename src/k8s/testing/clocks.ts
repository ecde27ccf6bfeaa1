/** Clocks of this process for tests, benchmarks and scripts. The program itself gets its clocks from src/bin. */
import type { Monotonic, Wall } from '../time.ts';

// `Date.now` is looked up in each call, because a test may replace the global clocks.
export const wallClock = (): Wall => Date.now() as Wall;
export const monotonicClock = (): Monotonic => performance.now() as Monotonic;
