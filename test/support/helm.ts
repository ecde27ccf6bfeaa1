/** A real helm, and the chart as it ships. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { resolveBinaries } from '../../sandbox/src/binaries/resolve.ts';
import { baseEnvironment } from '../../sandbox/src/environment.ts';
import { startWatchdog } from '../../sandbox/src/processes/watchdog.ts';
import { monotonicClock } from '../../src/k8s/testing/clocks.ts';

export const chartFolder = resolve(import.meta.dirname, '../../charts/konstellation');

export type RenderedObject = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly rules?: unknown;
  readonly spec?: unknown;
};

export type Helm = {
  /** Runs helm. Resolves with stdout, or rejects with stderr in the message. */
  run(args: readonly string[]): Promise<string>;
  /** Renders the objects of the release `konstellation` in `konstellation-system`. */
  template(args?: readonly string[]): Promise<readonly RenderedObject[]>;
  /** Returns the notes that Helm prints after an installation. */
  notes(args?: readonly string[]): Promise<string>;
  remove(): Promise<void>;
};

export async function findHelm(): Promise<Helm> {
  const watchdog = await startWatchdog();
  try {
    const { helm } = await resolveBinaries(['helm'], {
      env: process.env,
      now: monotonicClock,
      report: () => undefined,
      watchdog,
    });
    // Helm keeps caches and plugins in its home directory. The tests use a separate one, so that the user's plugins do
    // not affect them.
    const home = await mkdtemp(join(tmpdir(), 'kon-helm-'));
    const run = async (args: readonly string[]): Promise<string> => {
      const { stdout } = await promisify(execFile)(helm.path, args, {
        env: { ...baseEnvironment(process.env), HOME: home },
        maxBuffer: 64 * 1024 * 1024,
      });
      return stdout;
    };
    return {
      run,
      async template(args = []) {
        const text = await run([
          'template',
          'konstellation',
          chartFolder,
          '--namespace=konstellation-system',
          '--kube-version=1.36.0',
          '--include-crds',
          ...args,
        ]);
        const documents = parseAllDocuments(text);
        if (!Array.isArray(documents)) return [];
        return documents.flatMap((document) => (document.toJS() as RenderedObject | null) ?? []);
      },
      async notes(args = []) {
        const text = await run([
          'install',
          'konstellation',
          chartFolder,
          '--namespace=konstellation-system',
          '--dry-run=client',
          ...args,
        ]);
        return text.slice(text.indexOf('\nNOTES:\n'));
      },
      remove: () => rm(home, { recursive: true, force: true }),
    };
  } finally {
    await watchdog.close();
  }
}
