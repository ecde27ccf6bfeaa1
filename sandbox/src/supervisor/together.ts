/**
 * Runs several start-ups concurrently. When a start-up fails, the other start-ups are aborted and awaited, because a
 * start-up that continues could start processes or write files during the clean-up.
 */

/** @throws the first failure, after all other start-ups have ended */
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
