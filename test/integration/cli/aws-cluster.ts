/**
 * A cluster with Konstellation, observed from outside: a real API server, the AWS emulator that verifies its tokens,
 * and the operator as a separate process. There is no controller manager and no webhook; tests that need them are in
 * test/e2e.
 */
import { randomBytes } from 'node:crypto';
import { IAMClient } from '@aws-sdk/client-iam';
import {
  startAwsEmulator,
  type AwsEmulator,
  type AwsEmulatorOptions,
} from '../../../sandbox/src/aws/server.ts';
import { startControlPlane, type TestControlPlane } from '../../support/cluster.ts';
import { installCrds } from './crds.ts';
import { prepareKon, type Kon, type Running } from './kon.ts';
import { wallClock } from '../../../src/k8s/testing/clocks.ts';

export const accountId = '123456789012';
export const region = 'eu-west-1';
export const clusterName = 'main';
export const clusterArn = `arn:aws:eks:${region}:${accountId}:cluster/${clusterName}`;

type Keys = { readonly accessKeyId: string; readonly secretAccessKey: string };
const administrator: Keys = { accessKeyId: 'AKIAADMINISTRATOR000', secretAccessKey: 'administrator-secret' };
const unlisting: Keys = { accessKeyId: 'AKIAUNLISTING0000000', secretAccessKey: 'unlisting-secret' };
const nobody: Keys = { accessKeyId: 'AKIANOBODY0000000000', secretAccessKey: 'nobody-secret' };

export type AwsCluster = {
  readonly cluster: TestControlPlane;
  readonly aws: AwsEmulator;
  /** Client with the credentials of the AWS account's administrator. */
  readonly iam: IAMClient;
  /** Runs `kon` as the administrator of the cluster and the AWS account. */
  readonly kon: Kon;
  /** Environment of a user without any AWS permissions. */
  readonly nobodyEnv: Readonly<Record<string, string>>;
  /** Environment of a user who has all AWS permissions except the permission to list roles. */
  readonly unlistingEnv: Readonly<Record<string, string>>;
  /** Starts the operator, and resolves when the operator leads. The operator stops together with the cluster. */
  startOperator(): Promise<void>;
  stopOperator(): Promise<void>;
  /** Writes the ClusterConfig `main`, and waits until the operator has applied this ClusterConfig. */
  configure(targets: readonly string[]): Promise<void>;
  stop(): Promise<void>;
};

export async function startAwsCluster(
  options: {
    readonly provider?: boolean;
    readonly crds?: boolean;
    /** Further users of the AWS account. Default: none. */
    readonly users?: readonly (Keys & { readonly policies: readonly object[] })[];
    readonly onCheck?: AwsEmulatorOptions['onCheck'];
  } = {},
): Promise<AwsCluster> {
  const cluster = await startControlPlane();
  const user = (name: string): string => `arn:aws:iam::${accountId}:user/${name}`;
  const allowAll = { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: '*', Resource: '*' } };
  const aws = await startAwsEmulator({
    accountId,
    region,
    now: wallClock,
    randomBytes,
    issuerKeys: async () => JSON.parse(await cluster.kubectl(['get', '--raw', '/openid/v1/jwks'])),
    credentials: [
      { ...administrator, principalArn: user('administrator'), policies: [allowAll] },
      {
        ...unlisting,
        principalArn: user('unlisting'),
        policies: [
          allowAll,
          {
            Version: '2012-10-17',
            Statement: {
              Effect: 'Deny',
              Action: ['iam:GetAccountAuthorizationDetails', 'iam:ListRoles'],
              Resource: '*',
            },
          },
        ],
      },
      { ...nobody, principalArn: user('nobody'), policies: [] },
      ...(options.users ?? []).map((given, index) => ({ ...given, principalArn: user(`further-${index}`) })),
    ],
    clusters: [
      {
        name: clusterName,
        endpoint: cluster.server,
        certificateAuthorityData: Buffer.from(cluster.caCertificate).toString('base64'),
        issuer: cluster.issuer,
        version: '1.36',
      },
    ],
    onCheck: options.onCheck,
    oidcProviders:
      options.provider === false ? [] : [{ issuer: cluster.issuer, clientIds: ['sts.amazonaws.com'] }],
  });
  const envOf = (keys: Keys): Readonly<Record<string, string>> => ({
    AWS_ENDPOINT_URL: aws.url,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
  });
  const kon = await prepareKon({ KUBECONFIG: cluster.kubeconfig, ...envOf(administrator) });
  const iam = new IAMClient({ endpoint: aws.url, region, credentials: administrator, maxAttempts: 1 });
  if (options.crds !== false) await installCrds(cluster, kon);
  let operator: Running | undefined;
  const stopOperator = async (): Promise<void> => {
    operator?.stop();
    await operator?.finished;
    operator = undefined;
  };
  return {
    cluster,
    aws,
    iam,
    kon,
    nobodyEnv: envOf(nobody),
    unlistingEnv: envOf(unlisting),
    startOperator: async () => {
      operator = kon.start(['operator', '--log-format', 'json']);
      await operator.until('operator leads');
    },
    stopOperator,
    configure: async (targets) => {
      await cluster.kubectl(
        ['apply', '--server-side', '-f', '-'],
        JSON.stringify({
          apiVersion: 'k11n.dev/v1alpha1',
          kind: 'ClusterConfig',
          metadata: { name: clusterName },
          spec: { targets, aws: { region } },
        }),
      );
      await cluster.kubectl([
        'wait',
        '--for=condition=Ready',
        `clusterconfig/${clusterName}`,
        '--timeout=30s',
      ]);
    },
    stop: async () => {
      await stopOperator();
      iam.destroy();
      await kon.remove();
      await aws.close();
      await cluster.stop();
    },
  };
}
