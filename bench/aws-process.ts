/**
 * Runs the AWS emulator in a separate process, so that it does not slow down the measured processes. The parent process
 * configures the emulator over IPC and requests counts.
 */
import { randomBytes } from 'node:crypto';
import { issuerKeysFrom } from '../sandbox/src/aws/issuer-keys.ts';
import { readTrustPolicy } from '../sandbox/src/aws/iam/documents.ts';
import type { IamState } from '../sandbox/src/aws/iam/state.ts';
import type { FaultSettingsInput } from '../sandbox/src/aws/faults/settings.ts';
import { createIdentifiers } from '../sandbox/src/aws/identifiers.ts';
import { startAwsEmulator } from '../sandbox/src/aws/server.ts';
import { wallClock } from '../src/k8s/testing/clocks.ts';

/** Roles that exist from the start of the emulator. */
export type Seed = {
  readonly count: number;
  /** Prefix of the role names. Each name is the prefix and a number. */
  readonly prefix: string;
  readonly path: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Size of each role's inline policy document, as IAM encodes it. Default: no inline policy. */
  readonly inlineBytes?: number;
};

export type Begin = {
  readonly kind: 'begin';
  readonly accountId: string;
  readonly region: string;
  readonly issuer: string;
  /** URL of the issuer's keys, and the CA certificate of the server that publishes these keys. */
  readonly keys: string;
  readonly ca: string;
  readonly roleQuota: number;
  readonly faults: FaultSettingsInput;
  readonly seeds: readonly Seed[];
};
export type Begun = {
  readonly kind: 'begun';
  readonly url: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
};
/** Requests the number of roles under `path` that have at least `attachments` attached policies. */
export type Count = { readonly kind: 'count'; readonly path: string; readonly attachments: number };
export type Counted = { readonly kind: 'counted'; readonly roles: number };

const send = (message: Begun | Counted): void => {
  process.send?.(message);
};

let state: IamState | undefined;

const firstPolicy = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';

process.on('message', (message: Begin | Count) => {
  switch (message.kind) {
    case 'begin':
      void begin(message);
      return;
    case 'count': {
      let roles = 0;
      for (const [, role] of state?.roles() ?? [])
        if (role.path === message.path && role.attachedPolicies.length >= message.attachments) roles += 1;
      send({ kind: 'counted', roles });
    }
  }
});
// Ends this process when the parent process exits, because nothing else would end it.
process.on('disconnect', () => process.exit(0));

async function begin(options: Begin): Promise<void> {
  const { accountId, region, issuer } = options;
  const identifiers = createIdentifiers(randomBytes);
  const administrator = {
    accessKeyId: identifiers.uniqueId('AKIA'),
    secretAccessKey: identifiers.secretAccessKey(),
  };
  const emulator = await startAwsEmulator({
    accountId,
    region,
    now: wallClock,
    randomBytes,
    credentials: [
      {
        ...administrator,
        principalArn: `arn:aws:iam::${accountId}:user/administrator`,
        policies: [{ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }],
      },
    ],
    issuerKeys: issuerKeysFrom([{ issuer, keys: options.keys }], { ca: options.ca }),
    oidcProviders: [{ issuer, clientIds: ['sts.amazonaws.com'] }],
    clusters: [],
    quotas: { roles: options.roleQuota },
    faults: options.faults,
  });
  state = emulator.state;
  // Loads the policy catalogue before the measurement, so that the first account does not wait for it.
  state.policy(firstPolicy);
  for (const seed of options.seeds) plant(seed, emulator.state, identifiers.uniqueId);
  send({ kind: 'begun', url: emulator.url, ...administrator });
}

function plant(seed: Seed, into: IamState, uniqueId: (prefix: 'AROA') => string): void {
  const trust = readTrustPolicy(
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
    }),
    into,
  );
  const policy = { ...trust, encoded: trust.encoded.padEnd(seed.inlineBytes ?? 0, '%20') };
  const inlinePolicies = seed.inlineBytes === undefined ? [] : [{ name: 'inline', policy }];
  for (let index = 0; index < seed.count; index += 1) {
    const name = `${seed.prefix}${index}`;
    const tags = Object.entries(seed.tags).map(([Key, Value]) => ({
      Key,
      Value: Value.replace('$index', String(index)),
    }));
    into.putRole(
      {
        name,
        path: seed.path,
        id: uniqueId('AROA'),
        arn: into.arn(`role${seed.path}${name}`),
        createdAt: 0,
        description: undefined,
        maxSessionDuration: 3600,
        trust,
        tags,
        attachedPolicies: [firstPolicy, 'arn:aws:iam::aws:policy/CloudWatchLogsReadOnlyAccess'],
        inlinePolicies,
        boundaryArn: undefined,
      },
      0,
    );
  }
}
