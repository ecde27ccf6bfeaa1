/**
 * Several parts that come up at once. When one of them fails, the others are told to give up and are awaited: what still started
 * a process or wrote a file would be in the way of cleaning up, or be left behind by it.
 */

/** @throws what failed first, when none of them is at work any more. */
export async function together<T extends readonly Promise<unknown>[]>(
  signal: AbortSignal,
  begin: (signal: AbortSignal) => readonly [...T],
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const failure = new AbortController();
  const all: readonly Promise<unknown>[] = begin(AbortSignal.any([signal, failure.signal]));
  for (const each of all) each.catch((error: unknown) => failure.abort(error));
  await Promise.allSettled(all);
  failure.signal.throwIfAborted();
  return (await Promise.all(all)) as { -readonly [K in keyof T]: Awaited<T[K]> };
}
