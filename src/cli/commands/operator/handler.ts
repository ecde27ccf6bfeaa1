/** Runs the operator in this process. */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import { defined } from '../../../k8s/defined.ts';
import { createLogger, type LogLevel } from '../../../operator/logger.ts';
import { LeaseLostError, runOperator } from '../../../operator/operator.ts';
import type { Heap } from '../../../operator/shrink-heap.ts';
import { listObjects } from '../../cluster/objects.ts';
import type { CliContext } from '../../framework/context.ts';
import { CliError } from '../../framework/errors.ts';
import { clusterConfigKind } from '../../cluster/kinds.ts';
import { version } from '../../version.ts';
import { textLine } from './log-text.ts';

export async function runInForeground(
  context: CliContext,
  options: {
    readonly healthAddress: { readonly host: string; readonly port: number } | undefined;
    readonly concurrency: number | undefined;
    readonly leaseNamespace: string | undefined;
    /** Lease duration in milliseconds. */
    readonly leaseDuration: number | undefined;
    readonly withoutLease: boolean;
    readonly requireAdmission: boolean;
    /** Log level. The option parser rejects unknown levels. */
    readonly logLevel: string;
    readonly logFormat: string | undefined;
  },
): Promise<void> {
  const { stderr, now, monotonic, random, signal } = context;
  // Lists the ClusterConfigs first. If the cluster is unreachable, or permissions or CRDs are missing, the command fails
  // at once with a message. The operator would retry forever.
  await listObjects(await context.connect(), clusterConfigKind);
  const isText = (options.logFormat ?? (stderr.isTTY ? 'text' : 'json')) === 'text';
  const logger = createLogger({
    level: (context.global.verbose ? 'debug' : options.logLevel) as LogLevel,
    write: isText ? (line) => stderr.write(textLine(line, stderr.color)) : (line) => stderr.write(line),
  });
  const own = await ownNamespace();
  const namespace = options.leaseNamespace ?? own ?? 'kube-system';
  const running = runOperator({
    connection: await context.connection(),
    env: context.env,
    logger,
    now,
    monotonic,
    random,
    signal,
    version,
    ...(options.withoutLease
      ? {}
      : {
          lease: {
            namespace,
            name: 'konstellation',
            identity: `${hostname()}_${random().toString(36).slice(2, 10)}`,
            ...defined({ durationMs: options.leaseDuration }),
          },
        }),
    ...(options.requireAdmission ? { requireAdmission: { namespace } } : {}),
    ...defined({ health: options.healthAddress, concurrency: options.concurrency, heap: v8Heap() }),
    namespace: own ?? namespace,
    onStarted: ({ healthPort }) => {
      if (healthPort !== undefined) logger.info('health is served', { port: healthPort });
    },
  });
  try {
    await running;
  } catch (error) {
    if (!(error instanceof LeaseLostError)) throw error;
    throw new CliError('LEASE_LOST', error.message, {
      next: [
        'Start the operator again; a Deployment does this automatically. The new process then waits for the Lease.',
      ],
      cause: error,
    });
  }
}

/** Returns the heap if Node.js was started with --expose-gc, as in the image. */
function v8Heap(): Heap | undefined {
  const { gc } = globalThis;
  if (!gc) return undefined;
  return {
    size: () => getHeapStatistics().total_heap_size,
    // An ordinary garbage collection would leave the heap fragmented.
    shrink: () => gc({ type: 'major', execution: 'sync', flavor: 'last-resort' }),
    releaseBuffers: () => gc({ type: 'minor', execution: 'sync' }),
  };
}

/**
 * Returns the namespace of this process's pod, or undefined outside a pod. Source: Kubernetes, "Accessing the API from within a
 * pod".
 */
async function ownNamespace(): Promise<string | undefined> {
  try {
    return (await readFile('/var/run/secrets/kubernetes.io/serviceaccount/namespace', 'utf8')).trim();
  } catch {
    return undefined;
  }
}
