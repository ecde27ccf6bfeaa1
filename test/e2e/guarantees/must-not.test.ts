/**
 * Guarantees about access that is in use, verified in AWS with real exchanges of a pod's token. See docs/must-not.md.
 */
import { AssumeRoleWithWebIdentityCommand } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { linkedServiceAccounts, stsAudience } from '../../../src/api/index.ts';
import { findCondition } from '../../../src/k8s/conditions.ts';
import { resources } from '../../../src/kube/index.ts';
import type { Running } from '../../support/executable.ts';
import { startPartsAlone, type PartsAlone } from '../../support/parts-alone.ts';
import { createPerson, policies, roleArnOf, type Person } from '../../support/person.ts';
import { roleNameOf, type RoleSnapshot } from '../../support/emulator.ts';

const targets = ['production', 'staging'] as const;

let parts: PartsAlone;
let person: Person;
let operator: Running | undefined;
beforeAll(async () => {
  parts = await startPartsAlone();
  person = createPerson(parts.client);
  operator = parts.startOperator(parts.administrator);
  await parts.configure({ accountId: parts.accountId, oidcIssuer: parts.cluster.issuer });
  await parts.untilConfigured('Ready');
});
afterAll(async () => {
  await operator?.end('SIGKILL');
  await parts?.stop();
});

/**
 * Exchanges a token, as a pod does, for credentials of the role in the ServiceAccount's annotation. Returns the access
 * key id.
 */
async function credentialsOfPod(account: string, namespace: string): Promise<string | undefined> {
  const { token } = await parts.client.createToken(
    { namespace, name: account },
    { audiences: [stsAudience], expirationSeconds: 600 },
  );
  const answer = await parts.aws.sts.send(
    new AssumeRoleWithWebIdentityCommand({
      RoleArn: roleArnOf(await person.serviceAccount(namespace, account)),
      RoleSessionName: 'pod',
      WebIdentityToken: token,
    }),
  );
  return answer.Credentials?.AccessKeyId;
}

async function roleOf(account: string): Promise<RoleSnapshot | undefined> {
  const { status } = await person.untilReady(account);
  return parts.aws.role(roleNameOf(status?.roleArn ?? ''));
}

test('deleting an account takes nothing from an account with a similar name', async () => {
  // A role name contains the account's name between separators. An inexact match for `pay` would therefore also find
  // the roles of these accounts.
  const others = ['pay-eu', 'pay-eu-1', 'eu-pay', 'kon-pay'];
  await Promise.all(['pay', ...others].map((name) => person.createAccount(name)));
  const before = new Map(await Promise.all(others.map(async (name) => [name, await roleOf(name)] as const)));
  await person.untilReady('pay');
  const position = await parts.aws.position();
  await person.deleteAccount('pay');
  await person.untilAccountGone('pay');

  const changed = (await parts.aws.journal(position)).filter((call) => call.changed);
  expect(changed.map(({ action }) => action)).toContain('DeleteRole');
  for (const name of others) {
    expect(await roleOf(name)).toEqual(before.get(name));
    expect(
      changed.filter(({ resource }) => resource.endsWith(`/${roleNameOf(before.get(name)?.arn ?? '')}`)),
    ).toEqual([]);
    for (const target of targets) expect(await credentialsOfPod(name, target)).toMatch(/^ASIA/);
  }
  expect(await person.serviceAccount('production', 'pay')).toBeUndefined();
  // Deleting the account does not remove namespaces that other accounts' pods use.
  const namespaces = await parts.client.list(resources.namespaces);
  expect(namespaces.items.map(({ metadata }) => metadata.name)).toEqual(expect.arrayContaining([...targets]));
});

test('pods keep their AWS access when the new spec of their account cannot be applied', async () => {
  await person.createAccount('lively', { policyArns: [policies.readOnly, policies.queues] });
  const before = await roleOf('lively');
  const saying = (reason: string) =>
    person.untilAccount('lively', reason, ({ status }) =>
      findCondition(status?.conditions, 'Ready')?.reason === reason ||
      status?.policies?.some((policy) => policy.reason === reason) ||
      status?.targets?.some((target) => target.reason === reason)
        ? true
        : undefined,
    );
  const position = await parts.aws.position();
  // Lists more policies than a role can have.
  const many = Array.from({ length: 20 }, (_, index) => `arn:aws:iam::aws:policy/Policy${index}`);
  await person.editPolicies('lively', many);
  await saying('TooManyPolicies');
  // Adds to the attached policies a policy of another partition, and then a policy that does not exist.
  const have = [policies.readOnly, policies.queues];
  await person.editPolicies('lively', [...have, 'arn:aws-cn:iam::aws:policy/AmazonS3ReadOnlyAccess']);
  await saying('WrongPartition');
  await person.editPolicies('lively', [...have, 'arn:aws:iam::aws:policy/NoSuchPolicy']);
  await saying('PolicyNotFound');
  // Adds to the existing targets a target that the ClusterConfig does not list.
  await parts.client.patch(
    linkedServiceAccounts,
    { name: 'lively' },
    { spec: { targets: [...targets, 'nowhere'] } },
    { type: 'merge', fieldManager: 'test' },
  );
  await saying('TargetUnknown');
  // Specs that the schema rejects never reach the operator.
  await expect(person.editPolicies('lively', ['no-arn'])).rejects.toThrow(/policyArns/);

  const changed = (await parts.aws.journal(position)).filter((call) => call.changed);
  expect(changed.map(({ action }) => action)).toEqual([]);
  expect(await parts.aws.role(roleNameOf(before?.arn ?? ''))).toEqual(before);
  for (const target of targets) expect(await credentialsOfPod('lively', target)).toMatch(/^ASIA/);
});

test('the credentials that the operator gets when it proves an identity allow no action', async () => {
  const position = await parts.aws.position();
  await person.createAccount('proven');
  const role = await roleOf('proven');
  const proofs = (await parts.aws.journal(position)).filter(
    ({ action, parameters }) =>
      action === 'AssumeRoleWithWebIdentity' && parameters['RoleSessionName'] !== 'pod',
  );
  const ofRole = proofs.filter(({ parameters }) => parameters['RoleArn'] === role?.arn);
  expect(ofRole.length).toBeGreaterThanOrEqual(targets.length);
  for (const { parameters } of proofs)
    expect(JSON.parse(String(parameters['Policy']))).toMatchObject({
      Statement: [{ Effect: 'Deny', Action: '*', Resource: '*' }],
    });
});

test.each([{ region: 'us-west-1' }, { clusterName: 'renamed' }])(
  "the deletion of an account waits while the ClusterConfig names a cluster other than the account's (%o), and removes the role afterwards",
  async (change) => {
    const name = `moved-${Object.keys(change)[0]?.toLowerCase()}`;
    const known = { accountId: parts.accountId, oidcIssuer: parts.cluster.issuer };
    await person.createAccount(name);
    const before = await roleOf(name);
    const position = await parts.aws.position();
    await parts.configure({ ...known, ...change });
    await parts.untilConfigured('Ready');
    await person.deleteAccount(name);
    const ready = await person.untilAccount(name, 'ClusterChanged', ({ status }) => {
      const found = findCondition(status?.conditions, 'Ready');
      return found?.reason === 'ClusterChanged' ? found : undefined;
    });
    expect(ready.message).toContain(before?.arn);
    expect(await parts.aws.role(roleNameOf(before?.arn ?? ''))).toEqual(before);
    expect((await parts.aws.journal(position)).filter((call) => call.changed)).toEqual([]);

    await parts.configure(known);
    await person.untilAccountGone(name);
    expect(await parts.aws.role(roleNameOf(before?.arn ?? ''))).toBeUndefined();
  },
);
