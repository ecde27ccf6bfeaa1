/** Limits the amount of concurrent work. Waiting work starts in the order in which it was requested. */
export type Slots = {
  /** Runs `work` when a slot is free. Rejects with the signal's reason if the signal aborts before a slot is free. */
  readonly run: <T>(work: () => Promise<T>, signal?: AbortSignal) => Promise<T>;
};

export function createSlots(count: number): Slots {
  let free = count;
  const waiting = new Set<() => void>();

  const take = async (signal: AbortSignal | undefined): Promise<void> => {
    if (free > 0) {
      free -= 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const stop = (): void => {
        waiting.delete(resume);
        reject(signal?.reason as Error);
      };
      const resume = (): void => {
        signal?.removeEventListener('abort', stop);
        resolve();
      };
      waiting.add(resume);
      signal?.addEventListener('abort', stop, { once: true });
    });
  };
  /** Passes the freed slot to the caller that has waited longest. */
  const release = (): void => {
    const [next] = waiting;
    if (!next) {
      free += 1;
      return;
    }
    waiting.delete(next);
    next();
  };

  return {
    async run(work, signal) {
      signal?.throwIfAborted();
      await take(signal);
      try {
        return await work();
      } finally {
        release();
      }
    },
  };
}
