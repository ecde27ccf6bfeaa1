/** Polls `predicate` until it returns a value, and returns that value. Fails with `what` after 20 seconds. */
export async function eventually<T>(
  what: string,
  predicate: () => Promise<T | undefined | false>,
): Promise<T> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const value = await predicate();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
