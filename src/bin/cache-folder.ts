/**
 * Cache folder of the user. It is created level by level, because Node's recursive mkdir never returns where the system
 * reports that the child of a folder cannot exist, for example in `/proc`.
 */

/** Returns undefined if the folder does not exist and cannot be created. */
export function cacheFolder(env: NodeJS.ProcessEnv): string | undefined {
  const base = env['XDG_CACHE_HOME'] || (env['HOME'] && `${env['HOME']}/.cache`);
  if (!base) return undefined;
  const { existsSync, mkdirSync } = process.getBuiltinModule('node:fs');
  const own = `${base}/konstellation`;
  try {
    for (const folder of [base, own]) if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
    return own;
  } catch {
    // Another process may have created it first.
    return existsSync(own) ? own : undefined;
  }
}
