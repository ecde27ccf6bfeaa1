/** Polling for conditions that no watch reports. For objects of Kubernetes there is `awaitObjects`. */
import { setTimeout as delay } from 'node:timers/promises';

/** Something that takes this long is broken, in milliseconds. */
const patienceMs = 90_000;
const pollMs = 40;

/** Asks again and again until the answer is something, and gives that. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${patienceMs / 1000} s in vain: ${what}`);
    await delay(pollMs);
  }
}
