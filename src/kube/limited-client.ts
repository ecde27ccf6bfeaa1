/** Client for bursts of work. It limits the number of its requests in flight, except watches. */
import type { KubeClient } from './kube-client.ts';

export function limitInFlight(client: KubeClient, most: number): KubeClient {
  const { run } = createSlots(most);
  return {
    ...client,
    get: (resource, ref, options) => run(() => client.get(resource, ref, options), options?.signal),
    list: (resource, options) => run(() => client.list(resource, options), options?.signal),
    create: (resource, object, options) =>
      run(() => client.create(resource, object, options), options?.signal),
    update: (resource, object, options) =>
      run(() => client.update(resource, object, options), options?.signal),
    updateStatus: (resource, object, options) =>
      run(() => client.updateStatus(resource, object, options), options?.signal),
    apply: (resource, object, options) => run(() => client.apply(resource, object, options), options.signal),
    patch: (resource, ref, patch, options) =>
      run(() => client.patch(resource, ref, patch, options), options.signal),
    delete: (resource, ref, options) => run(() => client.delete(resource, ref, options), options?.signal),
    createToken: (ref, spec, options) => run(() => client.createToken(ref, spec, options), options?.signal),
    raw: (request) => run(() => client.raw(request), request.signal),
  };
}

/**
 * Creates `count` slots for concurrent work. Waiting callers get free slots in the order of their requests for a slot.
 */
export function createSlots(count: number) {
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
    /** Runs `work` when a slot is free. Rejects with the signal's reason if the signal aborts before a slot is free. */
    run: async <T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> => {
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
