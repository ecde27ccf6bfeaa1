/** Location of cached programs: `$XDG_CACHE_HOME/konstellation/binaries/COMPONENT-VERSION-OS-ARCH/NAME`. */
import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { OuterEnvironment } from '../environment.ts';
import { type BinaryName, binaries, components } from './parts.ts';
import type { Platform } from './platform.ts';

/**
 * Returns the cache folder. A relative path in `XDG_CACHE_HOME` is ignored, as the XDG base directory specification
 * requires.
 */
export function cacheFolder(env: OuterEnvironment): string {
  const base = env['XDG_CACHE_HOME'];
  const root = base !== undefined && base.startsWith('/') ? base : join(env['HOME'] ?? homedir(), '.cache');
  return join(root, 'konstellation', 'binaries');
}

/**
 * Returns the path of a cached program; the path contains the version. A file is moved to this path only when complete,
 * so a file that exists is complete.
 */
export function cachedPath(
  cache: string,
  name: BinaryName,
  platform: Platform,
  version: string = components[binaries[name].component].version,
): string {
  const { component } = binaries[name];
  return join(cache, `${component}-${version}-${platform.os}-${platform.arch}`, name);
}

export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
