/**
 * Where this user's programs keep what can be made anew. Made step by step: Node's own recursion goes on for ever where the
 * system says of a folder's child that it does not exist, as `/proc` does.
 */

/** Undefined where it is not there and cannot be made. */
export function cacheFolder(env: NodeJS.ProcessEnv): string | undefined {
  const base = env['XDG_CACHE_HOME'] || (env['HOME'] && `${env['HOME']}/.cache`);
  if (!base) return undefined;
  const { existsSync, mkdirSync } = process.getBuiltinModule('node:fs');
  const own = `${base}/konstellation`;
  try {
    for (const folder of [base, own]) if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
    return own;
  } catch {
    // Another start may have been faster.
    return existsSync(own) ? own : undefined;
  }
}
