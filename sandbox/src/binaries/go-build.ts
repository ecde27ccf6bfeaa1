/** Builds one program from the pinned modules next to this file. The first build takes minutes and reports progress. */
import { spawn } from 'node:child_process';
import { createWriteStream, existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, statfs } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { OuterEnvironment } from '../environment.ts';
import type { Watchdog } from '../processes/watchdog.ts';
import { isExecutable } from './cache.ts';
import { type BinaryName, binaries, type ComponentName, components } from './parts.ts';
import { SandboxError } from '../error.ts';
import type { Monotonic } from '../../../src/k8s/time.ts';

export class BuildFailedError extends SandboxError {
  override readonly name = 'BuildFailedError';
}

export type BuildOptions = {
  readonly binary: BinaryName;
  /** Path of the `go` command. */
  readonly go: string;
  /** Existing folder that no other build uses. */
  readonly folder: string;
  /** The user's environment, with proxy and Go module settings. */
  readonly env: OuterEnvironment;
  readonly now: () => Monotonic;
  readonly watchdog: Watchdog;
  readonly onProgress: (packages: number, elapsedMs: number) => void;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Required disk space: the size of the module and build caches after all programs were built (1.3 GB and 3.7 GB),
 * rounded up.
 */
const neededBytes: Readonly<Record<ComponentName, number>> = {
  kubernetes: 5e9,
  'oldest-kubernetes': 3e9,
  etcd: 1e9,
  kwok: 2e9,
  helm: 2e9,
  crane: 1e9,
  actionlint: 1e9,
  hclfmt: 1e9,
};

/** Finds the first `go` on PATH. */
export function findGo(env: OuterEnvironment): string | undefined {
  return (env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'go'))
    .find(isExecutable);
}

/**
 * @returns the path of the program, in `folder`
 * @throws BuildFailedError with the end of the compiler's output
 */
export async function goBuild(options: BuildOptions): Promise<string> {
  const { binary, go, folder, now, signal } = options;
  const { component, goPackage, linkerFlags, tags = [] } = binaries[binary];
  await checkFreeSpace(component, folder, binary);
  await mkdir(folder, { recursive: true });
  const source = modulesFolder(component);
  for (const file of ['go.mod', 'go.sum', 'tools.go']) await copyFile(join(source, file), join(folder, file));

  const output = join(folder, binary);
  const logFile = join(folder, `${binary}.build.log`);
  const started = now();
  let packages = 0;
  const code = await run({
    options,
    args: [
      'build',
      '-v',
      `-tags=${tags.join(',')}`,
      '-trimpath',
      '-buildvcs=false',
      `-ldflags=${['-s', '-w', ...linkerFlags].join(' ')}`,
      '-o',
      output,
      goPackage,
    ],
    cwd: folder,
    logFile,
    onLine: () => {
      packages += 1;
    },
    onTick: () => options.onProgress(packages, now() - started),
  });
  signal?.throwIfAborted();
  if (code === 0) return output;
  const log = (await readFile(logFile, 'utf8')).trimEnd().split('\n').slice(-15).join('\n');
  throw new BuildFailedError(
    `${go} could not build ${binary} (${components[component].module} v${components[component].version}):\n${log}`,
  );
}

/**
 * Returns the folder of a component's Go module: next to this file in a checkout, and next to the bundle in a build.
 */
function modulesFolder(component: ComponentName): string {
  return join(import.meta.dirname, 'modules', component);
}

async function checkFreeSpace(component: ComponentName, folder: string, binary: BinaryName): Promise<void> {
  let existing = folder;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  const { bavail, bsize } = await statfs(existing);
  const free = bavail * bsize;
  const needed = neededBytes[component];
  if (free < needed) {
    const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);
    throw new BuildFailedError(
      `building ${binary} needs about ${gigabytes(needed)} GB of free disk space, but ${existing} has only ${gigabytes(free)} GB`,
    );
  }
}

async function run(input: {
  readonly options: BuildOptions;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly logFile: string;
  readonly onLine: () => void;
  readonly onTick: () => void;
}): Promise<number | null> {
  const { options, args, cwd, logFile, onLine, onTick } = input;
  const child = spawn(options.go, args, {
    cwd,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...options.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '' },
  });
  const log = createWriteStream(logFile);
  child.stderr.pipe(log);
  child.stderr.on('data', (chunk: Buffer) => {
    for (const byte of chunk) if (byte === 0x0a) onLine();
  });
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code));
  });
  const { pid } = child;
  const kill = (): void => {
    if (pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-pid, 'SIGKILL');
  };
  const tick = setInterval(onTick, 1000);
  options.signal?.addEventListener('abort', kill);
  try {
    if (pid !== undefined) {
      // The build runs at low priority, because it uses every core.
      setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
      await options.watchdog.add(pid);
    }
    onTick();
    return await exited;
  } finally {
    options.signal?.removeEventListener('abort', kill);
    clearInterval(tick);
    if (pid !== undefined) options.watchdog.drop(pid);
    log.end();
  }
}
