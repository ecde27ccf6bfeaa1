/** Revocation on a whole sandbox (G10): sessions and tokens from before a quarantine, as an intruder would use them. */
import { DeleteRolePolicyCommand, DetachRolePolicyCommand, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { AssumeRoleWithWebIdentityCommand, type Credentials } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  apiVersion,
  clusterConfigs,
  linkedServiceAccounts,
  podIdentityAudience,
  quarantines,
  stsAudience,
  type ClusterConfig,
  type LinkedServiceAccount,
  type Quarantine,
} from '../../../src/api/index.ts';
import { findCondition, type Condition } from '../../../src/k8s/conditions.ts';
import { createEksAuthClient, type EksAuthClient } from '../../../src/eks-auth/client.ts';
import { resources, type KubeObject } from '../../../src/kube/index.ts';
import { eventually } from '../../support/eventually.ts';
import { roleNameOf, type RoleSnapshot } from '../../support/emulator.ts';
import { createPerson, policies, type Person } from '../../support/person.ts';
import { startSandbox, type TestSandbox } from '../../support/sandbox.ts';

const denyAll = 'arn:aws:iam::aws:policy/AWSDenyAll';
const account = 'payments';

let sandbox: TestSandbox;
let person: Person;
let eksAuth: EksAuthClient;
beforeAll(async () => {
  sandbox = await startSandbox();
  person = createPerson(sandbox.client);
  await configure({ strictInline: true });
  const { awsEndpoint: endpoint, region, credentials } = sandbox.description;
  eksAuth = createEksAuthClient({ endpoint, region, credentials });
});
afterAll(async () => {
  eksAuth?.close();
  await sandbox?.stop();
});

async function configure(aws: Partial<ClusterConfig['spec']['aws']>): Promise<void> {
  for (const { metadata } of (await sandbox.client.list(clusterConfigs)).items)
    await sandbox.client.patch(
      clusterConfigs,
      metadata,
      { spec: { aws } },
      { type: 'merge', fieldManager: 'test' },
    );
}

const readyOf = ({ status }: LinkedServiceAccount): Condition | undefined =>
  findCondition(status?.conditions, 'Ready');

/** Waits until the account is not Ready for this reason, and returns the message. */
const untilReason = (name: string, reason: string): Promise<string> =>
  person.untilAccount(name, reason, (seen) => {
    const ready = readyOf(seen);
    return ready?.reason === reason ? ready.message : undefined;
  });

const quarantine = (of: string, spec: Partial<Quarantine['spec']> = {}): Promise<Quarantine> =>
  sandbox.client.create<Quarantine>(quarantines, {
    apiVersion,
    kind: 'Quarantine',
    metadata: { name: of },
    spec: { account: of, ...spec },
  });

async function roleOf(name: string): Promise<RoleSnapshot> {
  const { status } = await person.untilAccount(name, 'a role', (seen) =>
    seen.status?.roleArn === undefined ? undefined : seen,
  );
  const role = await sandbox.aws.role(roleNameOf(status?.roleArn ?? ''));
  if (!role) throw new Error(`${name} has no role`);
  return role;
}

async function tokenOf(name: string): Promise<string> {
  const { token } = await sandbox.client.createToken(
    { namespace: 'production', name },
    { audiences: [stsAudience], expirationSeconds: 3600 },
  );
  return token;
}

/** The exchange as a pod makes it. */
async function exchange(RoleArn: string, token: string): Promise<Credentials> {
  const { Credentials: credentials } = await sandbox.aws.sts.send(
    new AssumeRoleWithWebIdentityCommand({ RoleArn, RoleSessionName: 'pod', WebIdentityToken: token }),
  );
  if (!credentials) throw new Error('STS returned no credentials');
  return credentials;
}

/** A session of EKS Pod Identity, as the agent on the node gets it for the pod. */
async function sessionOf({ metadata }: KubeObject, serviceAccount: string): Promise<Credentials> {
  const { namespace = '', name, uid = '' } = metadata;
  const { token } = await sandbox.client.createToken(
    { namespace, name: serviceAccount },
    {
      audiences: [podIdentityAudience],
      boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
      expirationSeconds: 600,
    },
  );
  const { credentials } = await eksAuth.exchange({ clusterName: sandbox.description.name, token });
  return {
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey,
    SessionToken: credentials.sessionToken,
    Expiration: credentials.expiration,
  };
}

/** Reads S3 with the session. Resolves with the error code, or `allowed`. */
async function readS3({
  AccessKeyId = '',
  SecretAccessKey = '',
  SessionToken = '',
}: Credentials): Promise<string> {
  const { awsEndpoint: endpoint, region } = sandbox.description;
  const credentials = {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
  };
  const s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 });
  try {
    await s3.send(new ListBucketsCommand({}));
    return 'allowed';
  } catch (error) {
    return (error as Error).name;
  } finally {
    s3.destroy();
  }
}

test('G10: a session and a token from before a quarantine stay denied despite repair, edits and drift passes, and the session even after the release', async () => {
  const app = 'payments-app';
  await person.createAccount(account);
  await person.untilReady(account);
  await person.createApp(app, {
    serviceAccount: account,
    targets: [{ name: 'production', deployMode: 'latest' }],
  });
  await person.untilAppReady(app);
  const before = await roleOf(account);
  const token = await tokenOf(account);
  const session = await exchange(before.arn, token);
  expect(await readS3(session)).toBe('allowed');

  await quarantine(account, { reason: 'a token leaked' });
  expect(await untilReason(account, 'Quarantined')).toContain('a token leaked');
  expect(await readS3(session)).toBe('AccessDenied');
  await expect(exchange(before.arn, token)).rejects.toThrow('Not authorized');

  // A responder and the team of the account act at the same time.
  const RoleName = roleNameOf(before.arn);
  await sandbox.aws.iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn: policies.readOnly }));
  await sandbox.aws.iam.send(
    new PutRolePolicyCommand({
      RoleName,
      PolicyName: 'AWSRevokeOlderSessions',
      PolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Deny',
            Action: '*',
            Resource: '*',
            Condition: { DateLessThan: { 'aws:TokenIssueTime': '2026-01-01T00:00:00Z' } },
          },
        ],
      }),
    }),
  );
  await person.editPolicies(account, [policies.fullAccess]);
  await person.editApp(app, { imageTag: '3.9' });
  const revision = await person.revision(app, 'production');
  await person.untilApp(app, 'held by the quarantine', ({ status }) =>
    status?.targets?.find(({ reason }) => reason === 'Quarantined'),
  );
  await sandbox.aws.untilCalled(
    await sandbox.aws.position(),
    'three drift passes',
    ({ action }) => action === 'GetAccountAuthorizationDetails',
    3,
  );
  expect(await roleOf(account)).toMatchObject({
    id: before.id,
    attached: [denyAll],
    inline: ['AWSRevokeOlderSessions'],
  });
  expect(await readS3(session)).toBe('AccessDenied');
  await expect(exchange(before.arn, token)).rejects.toThrow('Not authorized');
  expect(await person.revision(app, 'production')).toBe(revision);

  await sandbox.client.delete(quarantines, { name: account });
  const [old] = await person.pods(app, 'production');
  expect(await untilReason(account, 'OldPodsRunning')).toContain(
    `kubectl delete pod -n production ${old?.metadata.name}`,
  );
  await expect(exchange(before.arn, token)).rejects.toThrow('Not authorized');
  for (const { metadata } of await person.pods(app, 'production'))
    await sandbox.client.delete(resources.pods, metadata);
  await person.untilReady(account);
  const after = await roleOf(account);
  expect(after).toMatchObject({ arn: before.arn, attached: [policies.fullAccess], inline: [] });
  expect(after.id).not.toBe(before.id);
  expect(await readS3(session)).not.toBe('allowed');
  expect(await readS3(await exchange(after.arn, await tokenOf(account)))).toBe('allowed');
  await person.untilAppReady(app);
  expect(await person.revision(app, 'production')).toBe(revision + 1);
}, 180_000);

test('an account in quarantine is not deleted before its release', async () => {
  await person.createAccount('held');
  await person.untilReady('held');
  await quarantine('held');
  await untilReason('held', 'Quarantined');
  await person.deleteAccount('held');
  expect(
    await person.untilAccount('held', 'a deletion that waits', (seen) =>
      readyOf(seen)?.message.includes('its deletion waits') ? readyOf(seen)?.reason : undefined,
    ),
  ).toBe('Quarantined');
  expect((await roleOf('held')).attached).toContain(denyAll);
  await sandbox.client.delete(quarantines, { name: 'held' });
  await person.untilAccountGone('held');
});

test('kon cuts an account off, says who did it, and releases it with its pods', async () => {
  const name = 'by-kon';
  const app = 'by-kon-app';
  await person.createAccount(name);
  await person.untilReady(name);
  await person.createApp(app, {
    serviceAccount: name,
    targets: [{ name: 'production', deployMode: 'latest' }],
  });
  await person.untilAppReady(app);
  const asked = await sandbox.kon(['account', 'quarantine', name]);
  expect(asked.stderr).toContain('requires confirmation');
  const cut = await sandbox.kon(['account', 'quarantine', name, '--yes', '--reason', 'incident 4711']);
  expect(cut).toMatchObject({ code: 0, stdout: `quarantine/${name} created\n` });
  expect(cut.stderr).toContain(`account ${name} is cut off`);
  expect(await untilReason(name, 'Quarantined')).toMatch(/^cut off by "[^"]+" since .*: incident 4711/);
  expect((await sandbox.kon(['app', 'restart', app, '--no-wait'])).stderr).toContain(
    `kon account release ${name}`,
  );

  const released = await sandbox.kon(['account', 'release', name, '--yes', '--delete-pods']);
  expect(released.code, released.stderr).toBe(0);
  expect(released.stderr).toMatch(
    /A token that was copied out of a pod can be exchanged again until 20\d\d-/,
  );
  await person.untilAppReady(app);
  expect(await sandbox.kon(['account', 'release', name, '--yes'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('is in no quarantine') as string,
  });
}, 180_000);

test('G10: kon account revoke ends the sessions of an account for good, and its app continues with new pods', async () => {
  const name = 'revoked';
  const app = 'revoked-app';
  await person.createAccount(name);
  await person.untilReady(name);
  await person.createApp(app, {
    serviceAccount: name,
    targets: [{ name: 'production', deployMode: 'latest' }],
  });
  await person.untilAppReady(app);
  const before = await roleOf(name);
  const session = await exchange(before.arn, await tokenOf(name));
  expect(await readS3(session)).toBe('allowed');
  const [old] = await person.pods(app, 'production');
  const revoked = await sandbox.kon(['account', 'revoke', name, '--yes']);
  expect(revoked.code, revoked.stderr).toBe(0);
  expect(await readS3(session)).not.toBe('allowed');
  const after = await roleOf(name);
  expect(after).toMatchObject({ arn: before.arn, attached: [policies.readOnly] });
  expect(after.id).not.toBe(before.id);
  expect(await readS3(await exchange(after.arn, await tokenOf(name)))).toBe('allowed');
  await person.untilAppReady(app);
  expect((await person.pods(app, 'production')).map(({ metadata }) => metadata.uid)).not.toContain(
    old?.metadata.uid,
  );
}, 180_000);

test('G10: kon denies the sessions of one pod, through repair, edits and the end of the pod, and no other pod, until its release', async () => {
  const name = 'by-pod';
  const app = 'by-pod-app';
  await configure({ allowStatements: true });
  await sandbox.client.create<LinkedServiceAccount>(linkedServiceAccounts, {
    apiVersion,
    kind: 'LinkedServiceAccount',
    metadata: { name },
    spec: {
      targets: ['production'],
      deletionPolicy: 'Delete',
      aws: {
        policyArns: [policies.readOnly],
        permissionsBoundaryArn: policies.fullAccess,
        identityMode: 'PodIdentity',
      },
    },
  });
  await person.createApp(app, {
    serviceAccount: name,
    targets: [{ name: 'production', deployMode: 'latest', scale: { min: 2 } }],
  });
  await person.untilAppReady(app);
  await person.untilReady(name);
  const [intruder, other] = await person.pods(app, 'production');
  if (!intruder || !other) throw new Error('the app has not two pods');
  const [stolen, theirs] = [await sessionOf(intruder, name), await sessionOf(other, name)];
  expect([await readS3(stolen), await readS3(theirs)]).toEqual(['allowed', 'allowed']);

  const cut = await sandbox.kon(['account', 'quarantine', name, '--pod', intruder.metadata.name, '--yes']);
  expect(cut.code, cut.stderr).toBe(0);
  expect(cut.stdout).toBe(`quarantine/${name}-${intruder.metadata.uid} created\n`);
  const access = async (): Promise<readonly string[]> => [
    await readS3(stolen),
    await readS3(await sessionOf(intruder, name)),
    await readS3(theirs),
    await readS3(await sessionOf(other, name)),
  ];
  const onlyOther = ['AccessDenied', 'AccessDenied', 'allowed', 'allowed'];
  expect(await access()).toEqual(onlyOther);
  await person.untilReady(name);

  // Whoever removes the policy by hand does not give the pod access for long.
  const RoleName = roleNameOf((await roleOf(name)).arn);
  await sandbox.aws.iam.send(
    new DeleteRolePolicyCommand({ RoleName, PolicyName: 'konstellation-quarantine' }),
  );
  await person.editPolicies(name, [policies.fullAccess]);
  await eventually('the denial was written again', async () =>
    (await readS3(stolen)) === 'AccessDenied' ? true : undefined,
  );
  await sandbox.aws.untilCalled(
    await sandbox.aws.position(),
    'two drift passes',
    ({ action }) => action === 'GetAccountAuthorizationDetails',
    2,
  );
  expect(await access()).toEqual(onlyOther);
  expect((await roleOf(name)).inline).toEqual(['konstellation-quarantine']);

  // The session outlives its pod.
  await sandbox.client.delete(resources.pods, intruder.metadata);
  await person.untilAppReady(app);
  expect(await readS3(stolen)).toBe('AccessDenied');
  const shown = await sandbox.kon(['account', 'show', name]);
  expect(shown.stdout).toContain(intruder.metadata.uid);
  expect(await sandbox.kon(['account', 'release', name, '--yes'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`kon account release ${name} --pod ${intruder.metadata.uid}`) as string,
  });
  const released = await sandbox.kon([
    'account',
    'release',
    name,
    '--pod',
    intruder.metadata.uid ?? '',
    '--yes',
  ]);
  expect(released.code, released.stderr).toBe(0);
  expect(released.stderr).toContain('older sessions work again until they expire');
  expect(await readS3(stolen)).toBe('allowed');
  expect((await roleOf(name)).inline).toEqual([]);
}, 180_000);

test('kon refuses to cut off a single pod that has a web identity, or whose role has no boundary, before anything is written', async () => {
  const name = 'by-token';
  const app = 'by-token-app';
  await configure({ allowStatements: true });
  await person.createAccount(name);
  const asked = (): Promise<{ readonly code: number | null; readonly stderr: string }> =>
    sandbox.kon(['account', 'quarantine', name, '--pod', `${app}-0`, '--yes']);
  await person.untilReady(name);
  expect(await asked()).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('the role of the account has no permissions boundary') as string,
  });
  const boundary = { spec: { aws: { permissionsBoundaryArn: policies.fullAccess } } };
  await sandbox.client.patch(linkedServiceAccounts, { name }, boundary, {
    type: 'merge',
    fieldManager: 'test',
  });
  expect((await asked()).stderr).toContain(`has no running pod "${app}-0"`);
  await person.createApp(app, {
    serviceAccount: name,
    targets: [{ name: 'production', deployMode: 'latest' }],
  });
  await person.untilAppReady(app);
  const [pod] = await person.pods(app, 'production');
  const refused = await sandbox.kon([
    'account',
    'quarantine',
    name,
    '--pod',
    pod?.metadata.name ?? '',
    '--yes',
  ]);
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('has a web identity (IRSA)') as string,
  });
  expect((await sandbox.client.list<Quarantine>(quarantines)).items).toEqual([]);
}, 180_000);

test('a Quarantine names only its creator, and cannot be changed', async () => {
  await expect(quarantine('nobody', { requestedBy: 'someone-else' })).rejects.toThrow(
    'spec.requestedBy is someone-else',
  );
  await quarantine('nobody');
  const change = { spec: { account: 'somebody' } };
  await expect(
    sandbox.client.patch(quarantines, { name: 'nobody' }, change, { type: 'merge', fieldManager: 'test' }),
  ).rejects.toThrow('a Quarantine cannot be changed');
  await sandbox.client.delete(quarantines, { name: 'nobody' });
});
