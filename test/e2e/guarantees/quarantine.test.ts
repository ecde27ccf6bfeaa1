/**
 * Revocation in a complete sandbox (G10): sessions and tokens from before a quarantine, used as an intruder would use
 * them.
 */
import { DetachRolePolicyCommand, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { AssumeRoleWithWebIdentityCommand, type Credentials } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  apiVersion,
  clusterConfigs,
  quarantines,
  stsAudience,
  type LinkedServiceAccount,
  type Quarantine,
} from '../../../src/api/index.ts';
import { findCondition, type Condition } from '../../../src/k8s/conditions.ts';
import { resources } from '../../../src/kube/index.ts';
import { roleNameOf, type RoleSnapshot } from '../../support/emulator.ts';
import { createPerson, policies, type Person } from '../../support/person.ts';
import { startSandbox, type TestSandbox } from '../../support/sandbox.ts';
import { readS3 as readS3With } from '../../support/sessions.ts';

const denyAll = 'arn:aws:iam::aws:policy/AWSDenyAll';
const account = 'payments';

let sandbox: TestSandbox;
let person: Person;
beforeAll(async () => {
  sandbox = await startSandbox();
  person = createPerson(sandbox.client);
  for (const { metadata } of (await sandbox.client.list(clusterConfigs)).items) {
    const change = { spec: { aws: { strictInline: true } } };
    await sandbox.client.patch(clusterConfigs, metadata, change, { type: 'merge', fieldManager: 'test' });
  }
});
afterAll(() => sandbox?.stop());

const readyOf = ({ status }: LinkedServiceAccount): Condition | undefined =>
  findCondition(status?.conditions, 'Ready');

/** Waits until the account's Ready condition has this reason, and returns the condition's message. */
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

/** Exchanges the token as a pod does. */
async function exchange(RoleArn: string, token: string): Promise<Credentials> {
  const { Credentials: credentials } = await sandbox.aws.sts.send(
    new AssumeRoleWithWebIdentityCommand({ RoleArn, RoleSessionName: 'pod', WebIdentityToken: token }),
  );
  if (!credentials) throw new Error('STS returned no credentials');
  return credentials;
}

const readS3 = (session: Credentials): Promise<string> => readS3With(sandbox, session);

test('G10: sessions and tokens from before a quarantine stay denied despite repair, edits and drift passes; the sessions stay denied after the release', async () => {
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

  // An incident responder and the account's team act at the same time.
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
      readyOf(seen)?.message.includes('the deletion of the account waits')
        ? readyOf(seen)?.reason
        : undefined,
    ),
  ).toBe('Quarantined');
  expect((await roleOf('held')).attached).toContain(denyAll);
  await sandbox.client.delete(quarantines, { name: 'held' });
  await person.untilAccountGone('held');
});

test('kon quarantines an account, the status names the user who requested this, and kon releases the account with --delete-pods', async () => {
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
    /a token that was copied out of a pod can be exchanged for credentials again until 20\d\d-/,
  );
  await person.untilAppReady(app);
  expect(await sandbox.kon(['account', 'release', name, '--yes'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('is not in quarantine') as string,
  });
}, 180_000);

test('G10: kon account revoke ends the sessions of an account permanently, and the app of the account continues with new pods', async () => {
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
  // The pod that was replaced may still be terminating.
  await person.untilPods(app, 'production', 'replaced', ({ metadata }) => metadata.uid !== old?.metadata.uid);
}, 180_000);

test('a Quarantine can name only its creator in spec.requestedBy, and cannot be changed', async () => {
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
