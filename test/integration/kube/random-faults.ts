/** Random faults between a client and an API server, in a seeded order. */
import { isUnreachable, KubeApiError } from '../../../src/kube/index.ts';
import type { ChooseFault, Fault } from './fault-proxy.ts';

/** Returns a generator of numbers from 0 (inclusive) to 1 (exclusive), which are the same for the same seed. */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/**
 * Injects a fault into two of every three requests. The kinds of faults follow a fixed order. Faults of the response
 * occur at a random point.
 */
export function createStorm(random: () => number): ChooseFault {
  let requests = 0;
  return ({ isWatch }) => {
    requests += 1;
    const afterBytes = Math.floor(random() ** 2 * (isWatch ? 60_000 : 300_000));
    const faults: readonly Fault[] = [
      { kind: 'cut', afterBytes, by: 'reset' },
      { kind: 'status', code: 500 },
      { kind: 'blackhole', afterBytes },
      { kind: 'reset before' },
      { kind: 'truncated', afterBytes },
      { kind: 'cut', afterBytes, by: 'end' },
      { kind: 'status', code: 429 },
      { kind: 'slow', pauseMs: 1 },
      { kind: 'status', code: 503 },
    ];
    return requests % 3 === 0 ? undefined : faults[Math.floor((requests * 2) / 3) % faults.length];
  };
}

/**
 * Repeats a write until it succeeds, as a persistent user would do, because the server may be unavailable for a while.
 */
export async function insist(write: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await write();
      return;
    } catch (error) {
      const passing =
        isUnreachable(error) ||
        (error instanceof KubeApiError && (error.status >= 500 || error.status === 429));
      if (!passing) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
