/** The AWS emulator of a sandbox, configured by a file that lists its callers, clusters and trusted token issuers. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { partitionOfRegion } from '../../src/api/partitions.ts';
import { issuerKeysFrom } from './aws/issuer-keys.ts';
import { type AwsEmulator, startAwsEmulator } from './aws/server.ts';
import type { Wall } from '../../src/k8s/time.ts';

export const emulatorSettings = z.object({
  accountId: z.string().regex(/^\d{12}$/),
  region: z.string().min(1),
  credentials: z.array(
    z.object({
      accessKeyId: z.string().min(16),
      secretAccessKey: z.string().min(1),
      /** IAM user of the account, created at the start. */
      userName: z.string().min(1),
      /** Inline policy documents of the user. */
      policies: z.array(z.record(z.string(), z.unknown())),
    }),
  ),
  /**
   * Token issuers. From the start, IAM has an OIDC provider, with the client id `sts.amazonaws.com`, for each issuer
   * that is not `unregistered`.
   */
  issuers: z.array(
    z.object({
      /** `iss` claim of the tokens. */
      issuer: z.url({ protocol: /^https$/ }),
      /** Location of the issuer's keys: an http or https URL, or a file path. */
      keys: z.string().min(1),
      unregistered: z.literal(true).optional(),
    }),
  ),
  /**
   * Path of the PEM file with the CA certificate for the servers that publish signing keys. The file is read when the
   * first key is needed.
   */
  issuerCaFile: z.string(),
  clusters: z.array(
    z.object({
      name: z.string(),
      endpoint: z.url(),
      certificateAuthorityData: z.string(),
      issuer: z.url(),
      version: z.string(),
    }),
  ),
});
export type EmulatorSettings = z.infer<typeof emulatorSettings>;

export function startConfiguredEmulator(options: {
  readonly settings: EmulatorSettings;
  readonly port: number;
  /** Returns the current time, in milliseconds since the epoch. */
  readonly now: () => Wall;
  readonly onError: (error: unknown) => void;
}): Promise<AwsEmulator> {
  const { settings, ...rest } = options;
  const { accountId, region, issuers, issuerCaFile, credentials } = settings;
  const partition = partitionOfRegion(region);
  return startAwsEmulator({
    ...rest,
    randomBytes,
    accountId,
    region,
    partition,
    clusters: settings.clusters,
    credentials: credentials.map(({ userName, ...credential }) => ({
      ...credential,
      principalArn: `arn:${partition}:iam::${accountId}:user/${userName}`,
    })),
    oidcProviders: issuers
      .filter(({ unregistered }) => !unregistered)
      .map(({ issuer }) => ({ issuer, clientIds: ['sts.amazonaws.com'] })),
    issuerKeys: async (issuer) =>
      issuerKeysFrom(issuers, { ca: await readFile(issuerCaFile, 'utf8') })(issuer),
  });
}
