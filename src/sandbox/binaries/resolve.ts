/** Finds every program the sandbox needs. */
import { arch, platform } from 'node:process';
import type { OuterEnvironment } from '../environment.ts';
import { cachedPath, cacheFolder, isExecutable } from './cache.ts';
import type { BinaryName } from './parts.ts';
import { platformOf } from './platform.ts';

export async function resolveBinaries<Name extends BinaryName>(
  names: readonly Name[],
  options: { readonly env: OuterEnvironment },
): Promise<Record<Name, string>> {
  const system = platformOf(platform, arch);
  const cache = cacheFolder(options.env);
  const found = names.map((name) => {
    const path = cachedPath(cache, name, system);
    if (!isExecutable(path)) throw new Error(`${name} is not in ${path}`);
    return [name, path] as const;
  });
  return Object.fromEntries(found) as Record<Name, string>;
}
