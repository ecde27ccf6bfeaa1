/**
 * Single parts of the product, for users who already have the other parts: an API server outside a sandbox, the AWS
 * emulator alone, and operators that are configured by a kubeconfig and the standard environment of AWS SDKs.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateRoleCommand, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import { apiVersion, clusterConfigs, crds, type ClusterConfig } from '../../src/api/index.ts';
import { findCondition, type Condition } from '../../src/k8s/conditions.ts';
import { createKubeClient, loadConnection, type KubeClient } from '../../src/kube/index.ts';
import type { Environment } from '../../sandbox/src/environment.ts';
import { awaitObjects } from '../../sandbox/src/tour/await-object.ts';
import { startControlPlane, type TestControlPlane } from './cluster.ts';
import { prepareExecutable, type Executable, type Running } from './executable.ts';
import { connectEmulator, type Emulator } from './emulator.ts';

const accountId = '210987654321';
const region = 'eu-west-1';
const configName = 'mine';

export type PartsAlone = {
  readonly executable: Executable;
  readonly cluster: TestControlPlane;
  readonly client: KubeClient;
  readonly aws: Emulator;
  readonly accountId: string;
  /** Environment of the AWS account's administrator, with the variables that `kon sandbox aws` prints for SDKs. */
  readonly administrator: Environment;
  /**
   * Creates a role and returns credentials for it. Actions that write are allowed for roles under the path of the
   * ClusterConfig; actions that read are allowed for all roles.
   */
  credentialsThatMay(roleName: string, actions: readonly string[]): Promise<Environment>;
  /** Writes the ClusterConfig with `kubectl apply`. */
  configure(aws?: Partial<ClusterConfig['spec']['aws']>): Promise<void>;
  /** Waits until the ClusterConfig's status has this reason for its present spec. */
  untilConfigured(reason: string): Promise<Condition>;
  /** Starts an operator with its most verbose log level. */
  startOperator(env: Environment): Running;
  stop(): Promise<void>;
};

export async function startPartsAlone(): Promise<PartsAlone> {
  const [executable, cluster] = await Promise.all([prepareExecutable(), startControlPlane()]);
  const client = createKubeClient(await loadConnection({ kubeconfig: cluster.kubeconfig, env: {} }));
  await installCrds(executable, cluster);
  const { endpoint, administrator } = await startEmulator(executable, cluster);
  const aws = connectEmulator({
    endpoint,
    region,
    credentials: {
      accessKeyId: administrator['AWS_ACCESS_KEY_ID'] ?? '',
      secretAccessKey: administrator['AWS_SECRET_ACCESS_KEY'] ?? '',
    },
  });
  return {
    executable,
    cluster,
    client,
    aws,
    accountId,
    administrator,
    credentialsThatMay: async (roleName, actions) => ({
      ...administrator,
      ...(await assumeNewRole(aws, roleName, actions)),
    }),
    async configure(given = {}) {
      const config: ClusterConfig = {
        apiVersion,
        kind: 'ClusterConfig',
        metadata: { name: configName },
        spec: {
          targets: ['production', 'staging'],
          aws: { region, rolePath: '/konstellation/', driftIntervalSeconds: 2, ...given },
        },
      };
      await cluster.kubectl(['apply', '-f', '-'], JSON.stringify(config));
    },
    untilConfigured: (reason) =>
      awaitObjects<ClusterConfig, Condition>(
        client,
        clusterConfigs,
        { fieldSelector: `metadata.name=${configName}` },
        `ClusterConfig to say ${reason}`,
        ([config]) => {
          const ready = findCondition(config?.status?.conditions, 'Ready');
          return ready?.reason === reason && ready.observedGeneration === config?.metadata.generation
            ? ready
            : undefined;
        },
        new AbortController().signal,
      ),
    startOperator: (env) =>
      executable.start(['operator', '--without-lease', '--log-level=debug'], {
        env: { KUBECONFIG: cluster.kubeconfig, ...env },
      }),
    async stop() {
      aws.close();
      await executable.remove();
      await client.close();
      await cluster.stop();
    },
  };
}

/** Installs the CRDs with `kon crds | kubectl apply -f -`. */
async function installCrds(executable: Executable, cluster: TestControlPlane): Promise<void> {
  const { code, stdout, stderr } = await executable.run(['crds']);
  if (code !== 0) throw new Error(`kon crds failed: ${stderr}`);
  await cluster.kubectl(['apply', '-f', '-'], stdout);
  const names = crds().map(({ metadata }) => metadata.name);
  await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=60s', 'crd', ...names]);
}

/** Starts `kon sandbox aws` for an unreachable issuer, whose keys are read from a file. */
async function startEmulator(
  executable: Executable,
  cluster: TestControlPlane,
): Promise<{ readonly endpoint: string; readonly administrator: Environment }> {
  const keys = join(executable.folder, 'jwks.json');
  await writeFile(keys, await cluster.kubectl(['get', '--raw', '/openid/v1/jwks']));
  const options = [`--account-id=${accountId}`, `--region=${region}`];
  const issuer = [`--issuer=${cluster.issuer}`, `--issuer-keys=${keys}`];
  const emulator = executable.start(['sandbox', 'aws', ...options, ...issuer, '-o', 'json']);
  await emulator.until('\n}\n');
  const { endpoint, env } = JSON.parse(emulator.output()) as { endpoint: string; env: Environment };
  return { endpoint, administrator: env };
}

async function assumeNewRole(
  aws: Emulator,
  RoleName: string,
  actions: readonly string[],
): Promise<Environment> {
  const policy = (...statements: readonly object[]): string =>
    JSON.stringify({ Version: '2012-10-17', Statement: statements });
  const isRead = (action: string): boolean => /:(?:Get|List)/.test(action);
  const allow = (Action: readonly string[], Resource: string): readonly object[] =>
    Action.length > 0 ? [{ Effect: 'Allow', Action, Resource }] : [];

  const trust = {
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${accountId}:root` },
    Action: 'sts:AssumeRole',
  };
  const { Role: role } = await aws.iam.send(
    new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: policy(trust) }),
  );
  const PolicyDocument = policy(
    ...allow(actions.filter(isRead), '*'),
    ...allow(
      actions.filter((action) => !isRead(action)),
      `arn:aws:iam::${accountId}:role/konstellation/*`,
    ),
  );
  await aws.iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'rights', PolicyDocument }));
  const { Credentials: session } = await aws.sts.send(
    new AssumeRoleCommand({ RoleArn: role?.Arn, RoleSessionName: 'operator' }),
  );
  return {
    AWS_ACCESS_KEY_ID: session?.AccessKeyId ?? '',
    AWS_SECRET_ACCESS_KEY: session?.SecretAccessKey ?? '',
    AWS_SESSION_TOKEN: session?.SessionToken ?? '',
  };
}
