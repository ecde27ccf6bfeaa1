/** The stand-alone emulator, for users who have a cluster but no AWS account. */
import type { Partition } from '../../../src/api/partition-names.ts';
import { iamRegionOf } from '../../../src/api/partitions.ts';
import type { AwsCredential } from './account.ts';
import type { EksCluster } from './eks/state.ts';
import type { FaultSettingsInput } from './faults/settings.ts';
import type { RandomBytes } from './identifiers.ts';
import { createIdentifiers } from './identifiers.ts';
import type { IssuerSource } from './issuer-keys.ts';
import { issuerKeysFrom } from './issuer-keys.ts';
import type { AwsEmulator } from './server.ts';
import { startAwsEmulator } from './server.ts';
import type { Wall } from '../../../src/k8s/time.ts';

export type StandaloneOptions = {
  /** Port to listen on; 0 (default) selects a free port. */
  readonly port?: number;
  readonly partition?: Partition;
  /** Account id of twelve digits (default: `000000000000`). */
  readonly accountId?: string;
  /** Region of the emulator (default: the region of the partition's IAM, `us-east-1` in `aws`). */
  readonly region?: string;
  /** Issuers whose OIDC providers exist from the start, with the audience `sts.amazonaws.com`. */
  readonly issuers: readonly IssuerSource[];
  /**
   * PEM of the certificate authorities to trust when keys are fetched over https (default: the system's authorities).
   */
  readonly issuerCa?: string;
  readonly clusters?: readonly EksCluster[];
  readonly faults?: FaultSettingsInput;
  readonly now: () => Wall;
  readonly randomBytes: RandomBytes;
  readonly onError?: (error: unknown) => void;
};

export type StandaloneEmulator = AwsEmulator & {
  /** Environment variables that make unmodified SDKs and the AWS CLI act as administrator of the AWS account. */
  readonly environment: Readonly<Record<string, string>>;
};

/** Rejects if the port is taken. The keys of an issuer are not fetched until a token needs them. */
export async function startStandaloneEmulator(options: StandaloneOptions): Promise<StandaloneEmulator> {
  const { port = 0, partition = 'aws', accountId = '000000000000', issuers, now, randomBytes } = options;
  const region = options.region ?? iamRegionOf(partition);
  const identifiers = createIdentifiers(randomBytes);
  const administrator: AwsCredential = {
    accessKeyId: identifiers.uniqueId('AKIA'),
    secretAccessKey: identifiers.secretAccessKey(),
    principalArn: `arn:${partition}:iam::${accountId}:user/administrator`,
    policies: [{ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }],
  };
  const emulator = await startAwsEmulator({
    port,
    partition,
    accountId,
    region,
    now,
    randomBytes,
    credentials: [administrator],
    issuerKeys: issuerKeysFrom(issuers, options.issuerCa === undefined ? {} : { ca: options.issuerCa }),
    oidcProviders: issuers.map(({ issuer }) => ({ issuer, clientIds: ['sts.amazonaws.com'] })),
    clusters: options.clusters ?? [],
    ...(options.faults === undefined ? {} : { faults: options.faults }),
    ...(options.onError === undefined ? {} : { onError: options.onError }),
  });
  return {
    ...emulator,
    environment: {
      AWS_ENDPOINT_URL: emulator.url,
      AWS_ENDPOINT_URL_STS: emulator.url,
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      AWS_ACCESS_KEY_ID: administrator.accessKeyId,
      AWS_SECRET_ACCESS_KEY: administrator.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: 'true',
    },
  };
}
