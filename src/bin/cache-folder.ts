/**
 * Creates the user's cache folder level by level. The recursive mkdir of Node.js is not used, because it never returns
 * if the system reports that a child of an existing folder cannot exist, for example in `/proc`.
 */

/** Creates the folder and returns its path. Returns undefined if the folder does not exist and cannot be created. */
export function cacheFolder(env: NodeJS.ProcessEnv): string | undefined {
  const base = env['XDG_CACHE_HOME'] || (env['HOME'] && `${env['HOME']}/.cache`);
  if (!base) return undefined;
  const { existsSync, mkdirSync } = process.getBuiltinModule('node:fs');
  const own = `${base}/konstellation`;
  try {
    for (const folder of [base, own]) if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
    return own;
  } catch {
    // Another process may have created the folder at the same time.
    return existsSync(own) ? own : undefined;
  }
}
