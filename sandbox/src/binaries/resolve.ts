/**
 * Locates every program that the sandbox needs in `KUBEBUILDER_ASSETS` or in the cache. If a program is in neither,
 * downloads a published release or builds the program.
 */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { arch, platform } from 'node:process';
import { promisify } from 'node:util';
import { makeFolder } from '../make-folder.ts';
import { baseEnvironment, type OuterEnvironment } from '../environment.ts';
import { acquireLock, isProcessAlive } from '../file-lock.ts';
import type { Watchdog } from '../processes/watchdog.ts';
import { cachedPath, cacheFolder, isExecutable } from './cache.ts';
import { extractMember } from './archive.ts';
import { download } from './download.ts';
import type { BinaryReporter } from './events.ts';
import { findGo, goBuild } from './go-build.ts';
import { type BinaryName, binaries, components, sandboxBinaries } from './parts.ts';
import { type Platform, platformOf } from './platform.ts';
import { releaseOf, type Release } from './releases.ts';
import { SandboxError } from '../error.ts';
import type { Monotonic } from '../../../src/k8s/time.ts';

export type ResolvedBinary = { readonly path: string; readonly version: string };

export type ResolveOptions = {
  readonly env: OuterEnvironment;
  /** Returns the current monotonic time in milliseconds. */
  readonly now: () => Monotonic;
  readonly report: BinaryReporter;
  readonly watchdog: Watchdog;
  readonly signal?: AbortSignal | undefined;
};

/** Interval between progress events during a download, in milliseconds. */
const progressMs = 1000;

/** A program cannot be found, downloaded or built. The message names what to install. */
export class BinaryMissingError extends SandboxError {
  override readonly name = 'BinaryMissingError';
}

export async function resolveBinaries<Name extends BinaryName>(
  names: readonly Name[],
  options: ResolveOptions,
): Promise<Record<Name, ResolvedBinary>> {
  const system = platformOf(platform, arch);
  const cache = cacheFolder(options.env);
  const assets = await Promise.all(names.map((name) => fromAssets(name, options)));
  const found = new Map<Name, ResolvedBinary>();
  const missing: Name[] = [];
  for (const [index, name] of names.entries()) {
    const binary = assets[index] ?? fromCache(name, cache, system, options.env);
    if (binary === undefined) missing.push(name);
    else found.set(name, binary);
  }
  if (missing.length > 0) {
    for (const [name, binary] of await obtain(missing, cache, system, options)) found.set(name, binary);
  }
  return Object.fromEntries(found) as Record<Name, ResolvedBinary>;
}

/**
 * Finds a program in `KUBEBUILDER_ASSETS`. The minor version of the program must be the required one. The patch version
 * can be another one.
 */
async function fromAssets(name: BinaryName, options: ResolveOptions): Promise<ResolvedBinary | undefined> {
  const folder = options.env['KUBEBUILDER_ASSETS'];
  if (folder === undefined || folder === '') return undefined;
  const path = join(folder, name);
  if (!isExecutable(path)) return undefined;
  const { component, versionArgs } = binaries[name];
  const needed = components[component].version;
  const version = await askVersion(path, versionArgs, options.env);
  if (fits(version, needed, component === 'etcd' ? 1 : 2)) return { path, version };
  options.report({ kind: 'unfit', binary: name, path, version, needed });
  return undefined;
}

/**
 * Finds a program in the cache. Prefers a program that was built, because a downloaded program can have another patch
 * version than the required one.
 */
function fromCache(
  name: BinaryName,
  cache: string,
  system: Platform,
  env: OuterEnvironment,
): ResolvedBinary | undefined {
  const versions = [components[binaries[name].component].version, releaseOf(name, system, env)?.version];
  for (const version of versions) {
    const path = version === undefined ? undefined : cachedPath(cache, name, system, version);
    if (path !== undefined && version !== undefined && isExecutable(path)) return { path, version };
  }
  return undefined;
}

/** Downloads or builds one program at a time, because a build uses every core. */
async function obtain<Name extends BinaryName>(
  names: readonly Name[],
  cache: string,
  system: Platform,
  options: ResolveOptions,
): Promise<Map<Name, ResolvedBinary>> {
  const { report, signal } = options;
  await makeFolder(cache);
  const lock = await acquireLock(join(cache, 'lock'), (pid) => report({ kind: 'waiting', pid }), signal);
  const work = join(cache, `work-${process.pid}`);
  try {
    await removeLeftovers(cache);
    await mkdir(work, { recursive: true });
    const found = new Map<Name, ResolvedBinary>();
    for (const name of names) {
      // Looks into the cache again, because the previous holder of the lock might have installed the program.
      let binary = fromCache(name, cache, system, options.env);
      if (binary === undefined) {
        const release = releaseOf(name, system, options.env);
        const file = release && (await downloadRelease(name, release, work, options));
        if (release && file !== undefined)
          await install(file, cachedPath(cache, name, system, release.version));
        else await install(await build(name, work, options), cachedPath(cache, name, system));
        binary = fromCache(name, cache, system, options.env);
      }
      if (binary === undefined) throw new Error(`${name} was not installed in ${cache}`);
      found.set(name, binary);
    }
    return found;
  } finally {
    await rm(work, { recursive: true, force: true });
    lock.release();
  }
}

async function downloadRelease(
  name: BinaryName,
  release: Release,
  work: string,
  options: ResolveOptions,
): Promise<string | undefined> {
  const { env, now, report, signal } = options;
  const { url } = release;
  const { member } = release;
  const file = join(work, member === undefined ? name : basename(url));
  // An archive contains several programs, so each archive is downloaded only once.
  if (member !== undefined && existsSync(file)) return extractMember(file, member, work);
  report({ kind: 'downloading', binary: name, url, receivedBytes: 0, totalBytes: undefined });
  let reportedAt = now();
  const result = await download({
    release,
    file,
    env,
    signal,
    onProgress: (receivedBytes, totalBytes) => {
      if (now() - reportedAt < progressMs) return;
      reportedAt = now();
      report({ kind: 'downloading', binary: name, url, receivedBytes, totalBytes });
    },
  });
  if (result.outcome === 'done') {
    report({ kind: 'downloaded', binary: name, url });
    return member === undefined ? file : extractMember(file, member, work);
  }
  // The file is incomplete or wrong, and must not be used as the archive by a later call.
  await rm(file, { force: true });
  report({ kind: 'download-failed', binary: name, url, reason: result.reason });
  return undefined;
}

async function build(name: BinaryName, work: string, options: ResolveOptions): Promise<string> {
  const { env, now, report, watchdog, signal } = options;
  const go = findGo(env);
  const { module, version } = components[binaries[name].component];
  if (go === undefined) {
    throw new BinaryMissingError(
      `${name} ${version} is not installed, could not be downloaded with a known digest, and cannot be built without Go.\n` +
        `Install Go 1.26 or later (https://go.dev/dl) and put it on PATH. The program is then built once from ${module}, and cached.\n` +
        'Or set KUBEBUILDER_ASSETS to a folder that contains ' +
        `${[...new Set([...sandboxBinaries, name])].join(', ')}.`,
    );
  }
  const started = now();
  const path = await goBuild({
    binary: name,
    go,
    folder: join(work, `build-${name}`),
    env,
    now,
    watchdog,
    signal,
    onProgress: (packages, elapsedMs) => report({ kind: 'building', binary: name, packages, elapsedMs }),
  });
  report({ kind: 'built', binary: name, elapsedMs: now() - started });
  return path;
}

async function install(file: string, target: string): Promise<void> {
  await chmod(file, 0o755);
  await mkdir(dirname(target), { recursive: true });
  await rename(file, target);
}

/** Removes the files of builds that were killed. */
async function removeLeftovers(cache: string): Promise<void> {
  for (const entry of existsSync(cache) ? readdirSync(cache) : []) {
    const pid = Number(/^work-(\d+)$/.exec(entry)?.[1]);
    if (pid > 0 && !isProcessAlive(pid)) await rm(join(cache, entry), { recursive: true, force: true });
  }
}

async function askVersion(path: string, args: readonly string[], env: OuterEnvironment): Promise<string> {
  const { stdout } = await promisify(execFile)(path, args, { env: baseEnvironment(env), timeout: 30_000 });
  return /\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? 'unknown';
}

function fits(actual: string, needed: string, significantNumbers: number): boolean {
  const head = (version: string): string => version.split('.').slice(0, significantNumbers).join('.');
  return head(actual) === head(needed);
}
