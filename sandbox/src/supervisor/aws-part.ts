/** The AWS emulator as a part of the sandbox, with its cluster, issuer and users. */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { partitionOfRegion, rolePathFor } from '../../../src/api/index.ts';
import { clusterArn, operatorPolicy } from '../../../src/identity/index.ts';
import type { EmulatorSettings } from '../configured-emulator.ts';
import { baseEnvironment } from '../environment.ts';
import { loopbackRequest } from '../loopback.ts';
import { untilReady } from '../processes/ready.ts';
import type { AwsCredentials } from './description.ts';
import type { BringUpOptions } from './options.ts';
import { sandboxTagKeys, type SandboxSettings } from './settings.ts';

export type AwsUsers = Readonly<Record<'administrator' | 'operator' | 'node', AwsCredentials>>;

const administratorPolicy = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
};

/** Permissions of the Pod Identity agent on a node, as in AmazonEKSWorkerNodePolicy. */
const nodePolicy = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'eks-auth:AssumeRoleForPodIdentity', Resource: '*' }],
};

const readyTimeoutMs = 30_000;

export function createAwsUsers(): AwsUsers {
  return { administrator: createKey(), operator: createKey(), node: createKey() };
}

export type AwsPartOptions = {
  readonly port: number;
  readonly issuer: string;
  readonly users: AwsUsers;
  /** URL of the API server. */
  readonly server: string;
  readonly kubernetesVersion: string;
  /** PEM of the certificate authority that signed the API server's certificate. */
  readonly caCertificate: string;
  /** Path of the file that contains `caCertificate`. */
  readonly caFile: string;
};

export async function startAws(options: BringUpOptions, aws: AwsPartOptions): Promise<void> {
  const { parts, paths, settings, env, self, version, signal } = options;
  const { port, issuer, users, server, caFile } = aws;
  const content: EmulatorSettings = {
    accountId: settings.accountId,
    region: settings.region,
    credentials: [
      { ...users.administrator, userName: 'administrator', policies: [administratorPolicy] },
      { ...users.operator, userName: 'konstellation-operator', policies: [operatorPolicyOf(settings)] },
      { ...users.node, userName: 'node', policies: [nodePolicy] },
    ],
    issuers: [
      {
        issuer,
        keys: `${server}/openid/v1/jwks`,
        ...(settings.bare ? { unregistered: true as const } : {}),
      },
    ],
    issuerCaFile: caFile,
    clusters: [
      {
        name: settings.name,
        endpoint: server,
        certificateAuthorityData: Buffer.from(aws.caCertificate).toString('base64'),
        issuer,
        version: aws.kubernetesVersion.split('.').slice(0, 2).join('.'),
      },
    ],
  };
  const file = join(paths.run, 'aws.json');
  await Promise.all([
    writeFile(file, JSON.stringify(content, null, 2), { mode: 0o600 }),
    writeFile(paths.awsConfig, `[default]\nregion = ${settings.region}\n`, { mode: 0o600 }),
    writeFile(paths.awsCredentials, credentialsFile(users.administrator), { mode: 0o600 }),
  ]);
  const [command, ...leading] = self;
  const child = await parts.start(
    'aws',
    version,
    { command, args: [...leading, 'sandbox', 'aws', `--port=${port}`, `--settings=${file}`] },
    baseEnvironment(env),
  );
  await untilReady({
    what: 'the AWS emulator responds',
    child,
    timeoutMs: readyTimeoutMs,
    signal,
    probe: async (signal) =>
      (await loopbackRequest(`http://127.0.0.1:${port}/_emulator/state`, { signal })).status === 200,
  });
}

/** The policy that `kon iam-policy --adopt --unbounded` prints for the sandbox's ClusterConfig. */
function operatorPolicyOf({ region, accountId, name }: SandboxSettings): Record<string, unknown> {
  return {
    ...operatorPolicy({
      clusterArn: clusterArn({ partition: partitionOfRegion(region), region, accountId, name }),
      rolePath: rolePathFor(name),
      tagKeys: sandboxTagKeys,
      adoption: true,
    }),
  };
}

function credentialsFile({ accessKeyId, secretAccessKey }: AwsCredentials): string {
  return `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
}

/** Creates an access key in AWS's format: an id of `AKIA` plus 16 letters and digits, and a secret of 40 characters. */
function createKey(): AwsCredentials {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  return {
    accessKeyId: `AKIA${Array.from(randomBytes(16), (byte) => letters[byte % 32]).join('')}`,
    secretAccessKey: randomBytes(30).toString('base64'),
  };
}
