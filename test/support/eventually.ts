/** Polling for conditions that no watch reports. For Kubernetes objects, use `awaitObjects`. */
import { setTimeout as delay } from 'node:timers/promises';

/** Time limit in milliseconds; a condition that takes longer indicates a defect. */
const patienceMs = 90_000;
const pollMs = 40;

/** Calls `ask` until it returns a value, and returns that value. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${patienceMs / 1000} s in vain: ${what}`);
    await delay(pollMs);
  }
}
