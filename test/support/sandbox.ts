/**
 * A complete sandbox that runs the shipped product, for one test file. The tests observe the sandbox from outside: with
 * a Kubernetes client, as AWS administrator, and through the API server's audit log. Starting takes six to twelve
 * seconds.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { createKubeClient, loadConnection, type KubeClient } from '../../src/kube/index.ts';
import type { Environment } from '../../sandbox/src/environment.ts';
import { upSandbox } from '../../sandbox/src/sandbox.ts';
import { shellEnvironment } from '../../sandbox/src/shell-environment.ts';
import type { SandboxDescription } from '../../sandbox/src/supervisor/description.ts';
import { defaultSettings } from '../../sandbox/src/supervisor/settings.ts';
import {
  prepareExecutable,
  type Executable,
  type Finished,
  type Running,
  type RunOptions,
} from './executable.ts';
import { connectEmulator, type Emulator } from './emulator.ts';
import { monotonicClock, wallClock } from '../../src/k8s/testing/clocks.ts';

const auditEvent = z.object({
  verb: z.string(),
  requestURI: z.string(),
  userAgent: z.string().optional(),
  user: z.object({ username: z.string() }),
  objectRef: z
    .object({
      resource: z.string(),
      namespace: z.string().optional(),
      name: z.string().optional(),
      subresource: z.string().optional(),
    })
    .optional(),
  responseStatus: z.object({ code: z.number().optional() }).optional(),
  stageTimestamp: z.string(),
  stage: z.string(),
});
export type AuditEvent = z.infer<typeof auditEvent>;

export type TestSandbox = {
  readonly description: SandboxDescription;
  readonly client: KubeClient;
  readonly aws: Emulator;
  readonly executable: Executable;
  /** Environment of a shell that uses the sandbox. */
  readonly env: Environment;
  /** Runs `kon ARGS` without a terminal, as the administrator of the cluster and the AWS account. */
  kon(args: readonly string[], options?: RunOptions): Promise<Finished>;
  startKon(args: readonly string[], options?: RunOptions): Running;
  /** Returns the operator's writes to the API server, oldest first, without renewals of its Lease. */
  operatorWrites(): Promise<readonly AuditEvent[]>;
  stop(): Promise<void>;
};

export async function startSandbox(
  options: {
    readonly operator?: boolean;
    readonly bare?: boolean;
    readonly targets?: readonly string[];
    readonly accountId?: string;
    /** The region also determines the partition of the sandbox. */
    readonly region?: string;
  } = {},
): Promise<TestSandbox> {
  const executable = await prepareExecutable();
  const end = new AbortController();
  const result = await upSandbox({
    folder: join(executable.folder, 'sandbox'),
    settings: {
      ...defaultSettings,
      ...(options.accountId === undefined ? {} : { accountId: options.accountId }),
      ...(options.region === undefined ? {} : { region: options.region }),
      operator: options.operator ?? true,
      bare: options.bare ?? false,
      targets: options.targets ?? defaultSettings.targets,
    },
    env: process.env,
    now: wallClock,
    monotonic: monotonicClock,
    random: Math.random,
    self: executable.kon,
    version: 'test',
    signal: end.signal,
    report: () => undefined,
  });
  if (result.outcome !== 'started') throw new Error('a sandbox runs in a folder that was just made');
  const { sandbox } = result;
  const description = await sandbox.describe();
  const client = createKubeClient(await loadConnection({ kubeconfig: description.kubeconfig, env: {} }), {
    now: monotonicClock,
    random: Math.random,
    userAgent: 'test',
    qps: 1000,
    burst: 1000,
  });
  const aws = connectEmulator({
    endpoint: description.awsEndpoint,
    region: description.region,
    credentials: description.credentials,
  });
  const env = shellEnvironment(description, { PATH: '/usr/bin:/bin' });
  const run = (args: readonly string[], given: RunOptions = {}): Running =>
    executable.start(args, { ...given, env: { ...env, ...given.env } });
  return {
    description,
    client,
    aws,
    executable,
    env,
    startKon: run,
    kon: (args, given) => run(args, given).finished,
    operatorWrites: async () =>
      (await auditEvents(join(description.folder, 'logs/audit.log'))).filter(
        (event) => isWriteOfOperator(event) && !isRenewal(event),
      ),
    async stop() {
      aws.close();
      await client.close();
      await sandbox.stop();
      await executable.remove();
    },
  };
}

export async function auditEvents(path: string): Promise<readonly AuditEvent[]> {
  const lines = (await readFile(path, 'utf8')).split('\n');
  // The last line is left out, because it may be incomplete.
  return lines.slice(0, -1).map((line) => auditEvent.parse(JSON.parse(line)));
}

export function isWriteOfOperator({ verb, user }: AuditEvent): boolean {
  return (
    user.username === 'system:serviceaccount:konstellation-system:konstellation' &&
    !['get', 'list', 'watch'].includes(verb)
  );
}

export function isRenewal({ verb, objectRef }: AuditEvent): boolean {
  return verb === 'update' && objectRef?.resource === 'leases' && objectRef.name === 'konstellation';
}
