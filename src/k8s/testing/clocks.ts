/** Clocks of this process for tests, benchmarks and scripts. The program itself gets its clocks from src/bin. */
import type { Monotonic, Wall } from '../time.ts';

// Wall clock. `Date.now` is looked up at each call, because a test may replace it.
export const wallClock = (): Wall => Date.now() as Wall;
export const monotonicClock = (): Monotonic => performance.now() as Monotonic;
