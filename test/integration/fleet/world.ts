/**
 * A real API server, an AWS emulator with faults over HTTP, and an operator that connects to both with its own
 * credentials, so that the AWS journal distinguishes the operator's calls from users' calls.
 */
import { randomBytes } from 'node:crypto';
import { IAMClient } from '@aws-sdk/client-iam';
import {
  apiVersion,
  apps,
  clusterConfigs,
  crds,
  linkedServiceAccounts,
  quarantines,
  type ClusterConfig,
} from '../../../src/api/index.ts';
import {
  createKubeClient,
  isNotFound,
  loadConnection,
  resources,
  silentLogger,
  type KubeClient,
  type KubeObject,
} from '../../../src/kube/index.ts';
import { runOperator } from '../../../src/operator/operator.ts';
import type { FaultSettingsInput } from '../../../sandbox/src/aws/faults/settings.ts';
import { issuerKeysFrom } from '../../../sandbox/src/aws/issuer-keys.ts';
import { startAwsEmulator, type AwsEmulator } from '../../../sandbox/src/aws/server.ts';
import { baseEnvironment } from '../../../sandbox/src/environment.ts';
import { startControlPlane } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import { monotonicClock, wallClock } from '../../../src/k8s/testing/clocks.ts';

const region = 'eu-west-1';
const accountId = '123456789012';
export const rolePath = '/konstellation/';
export const clusterArn = `arn:aws:eks:${region}:${accountId}:cluster/fleet`;

/** ARNs of the callers of AWS. */
export const callers = {
  operator: `arn:aws:iam::${accountId}:user/operator`,
  person: `arn:aws:iam::${accountId}:user/person`,
} as const;

export type FleetWorld = {
  readonly client: KubeClient;
  readonly aws: AwsEmulator;
  /** Client of a user with all AWS permissions. */
  readonly iam: IAMClient;
  /** Starts the operator, which stops together with the world unless a test stops the operator earlier. */
  startOperator(): Promise<{ stop(): Promise<void> }>;
  stop(): Promise<void>;
};

export async function startFleetWorld(options: {
  readonly targets: readonly string[];
  readonly driftIntervalSeconds: number;
  readonly faults: FaultSettingsInput;
  readonly roleQuota: number;
}): Promise<FleetWorld> {
  const cleanups: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  };
  try {
    const cluster = await startControlPlane();
    cleanups.push(() => cluster.stop());
    const keys = (name: string) => ({
      accessKeyId: `AKIA${name.toUpperCase().padEnd(16, '0')}`,
      secretAccessKey: `${name}-secret`,
      principalArn: `arn:aws:iam::${accountId}:user/${name}`,
      policies: [{ Version: '2012-10-17', Statement: { Effect: 'Allow', Action: '*', Resource: '*' } }],
    });
    const operatorKeys = keys('operator');
    const personKeys = keys('person');
    const aws = await startAwsEmulator({
      accountId,
      region,
      now: wallClock,
      randomBytes,
      credentials: [operatorKeys, personKeys],
      issuerKeys: issuerKeysFrom([{ issuer: cluster.issuer, keys: `${cluster.server}/openid/v1/jwks` }], {
        ca: cluster.caCertificate,
      }),
      oidcProviders: [{ issuer: cluster.issuer, clientIds: ['sts.amazonaws.com'] }],
      clusters: [],
      quotas: { roles: options.roleQuota },
      faults: options.faults,
    });
    cleanups.push(() => aws.close());
    const connection = await loadConnection({
      kubeconfig: cluster.kubeconfig,
      env: baseEnvironment(process.env),
    });
    const client = createKubeClient(connection, { userAgent: 'test', qps: 1000, burst: 1000 });
    cleanups.push(() => client.close());
    await install(client, options.targets, options.driftIntervalSeconds);
    const iam = new IAMClient({
      endpoint: aws.url,
      region,
      credentials: personKeys,
      retryMode: 'adaptive',
      maxAttempts: 20,
    });
    cleanups.push(async () => iam.destroy());

    // Like every SDK, the operator finds AWS through environment variables. The variables affect only the process of
    // this test file.
    Object.assign(process.env, {
      AWS_ENDPOINT_URL: aws.url,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: operatorKeys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: operatorKeys.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: 'true',
    });
    return {
      client,
      aws,
      iam,
      async startOperator() {
        const abort = new AbortController();
        let isStarted: () => void;
        const started = new Promise<void>((resolve) => {
          isStarted = resolve;
        });
        const running = runOperator({
          connection,
          env: process.env,
          logger: silentLogger,
          now: wallClock,
          monotonic: monotonicClock,
          random: Math.random,
          signal: abort.signal,
          version: 'test',
          onStarted: () => isStarted(),
        });
        const end = async (): Promise<void> => {
          abort.abort();
          await running;
        };
        cleanups.push(end);
        await Promise.race([started, running]);
        return { stop: end };
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function install(
  client: KubeClient,
  targets: readonly string[],
  driftIntervalSeconds: number,
): Promise<void> {
  for (const crd of crds())
    await client.apply<KubeObject>(resources.customResourceDefinitions, crd, { fieldManager: 'test' });
  for (const name of targets)
    await client.create<KubeObject>(resources.namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name },
    });
  await client.create<KubeObject & Record<string, unknown>>(resources.clusterRoleBindings, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'issuer-discovery' },
    roleRef: {
      apiGroup: 'rbac.authorization.k8s.io',
      kind: 'ClusterRole',
      name: 'system:service-account-issuer-discovery',
    },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:unauthenticated' }],
  });
  const config: ClusterConfig = {
    apiVersion,
    kind: 'ClusterConfig',
    metadata: { name: 'fleet' },
    spec: {
      targets: [...targets],
      aws: { region, accountId, clusterName: 'fleet', rolePath, driftIntervalSeconds },
    },
  };
  await eventually('the definitions are served', async () => {
    try {
      for (const resource of [linkedServiceAccounts, clusterConfigs, apps, quarantines])
        await client.list(resource);
      return true;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  });
  await client.create<ClusterConfig>(clusterConfigs, config);
}
