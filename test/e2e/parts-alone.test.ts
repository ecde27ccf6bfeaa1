/**
 * Each part of the product on its own, and the operator without the AWS access that it needs: no credentials, wrong
 * credentials, too few permissions, or another AWS account.
 */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { clusterConfigs, linkedServiceAccounts } from '../../src/api/index.ts';
import { findCondition } from '../../src/k8s/conditions.ts';
import type { Environment } from '../../sandbox/src/environment.ts';
import { resources, type KubeObject } from '../../src/kube/index.ts';
import type { Finished, Running } from '../support/executable.ts';
import { startPartsAlone, type PartsAlone } from '../support/parts-alone.ts';
import { createPerson, policies, roleArnOf, type Person } from '../support/person.ts';
import { findSecrets } from '../support/secrets.ts';
import { roleNameOf } from '../support/emulator.ts';

let parts: PartsAlone;
let person: Person;
let operator: Running | undefined;
/** Logs of all operators, and the secrets that they received. */
let logged = '';
const secrets: Record<string, string> = {};
beforeAll(async () => {
  parts = await startPartsAlone();
  person = createPerson(parts.client);
});
afterEach(async () => {
  await endOperator();
  for (const { metadata } of (await parts.client.list(linkedServiceAccounts)).items) {
    const patch = { metadata: { finalizers: null } };
    await parts.client.patch(linkedServiceAccounts, metadata, patch, { type: 'merge' });
    await parts.client.delete(linkedServiceAccounts, metadata);
  }
  for (const { metadata } of (await parts.client.list(clusterConfigs)).items)
    await parts.client.delete(clusterConfigs, metadata);
});
afterAll(() => parts?.stop());

function startOperator(env: Environment): void {
  operator = parts.startOperator(env);
  for (const name of ['AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'])
    secrets[`${name} ${Object.keys(secrets).length}`] = env[name] ?? '';
}

async function endOperator(): Promise<Finished | undefined> {
  const ended = await operator?.end('SIGINT');
  logged += operator?.output() ?? '';
  operator = undefined;
  return ended;
}

/** Returns the actions that the operator needs according to the EKS guide: the first column of its table. */
async function documentedActions(): Promise<readonly string[]> {
  const guide = await readFile(resolve(import.meta.dirname, '../../docs/guides/eks.md'), 'utf8');
  return guide
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`((?:iam|sts):\w+)`/g)])
    .map(([, action]) => action ?? '');
}

test('an operator with only the permissions in the guide performs all of its tasks', async () => {
  const actions = await documentedActions();
  expect(actions).toContain('iam:CreateRole');
  startOperator(await parts.credentialsThatMay('documented', actions));
  await parts.configure({
    accountId: parts.accountId,
    oidcIssuer: parts.cluster.issuer,
    tags: { team: 'a' },
  });
  await parts.untilConfigured('Ready');
  await person.createAccount('whole', { policyArns: [policies.readOnly, policies.queues] });
  const { status } = await person.untilReady('whole');
  const name = roleNameOf(status?.roleArn ?? '');
  expect(await parts.aws.role(name)).toMatchObject({
    path: '/konstellation/',
    attached: [policies.readOnly, policies.queues],
    tags: { team: 'a', 'k11n.dev/account': 'whole' },
  });
  for (const target of ['production', 'staging'])
    expect(roleArnOf(await person.serviceAccount(target, 'whole'))).toBe(status?.roleArn);

  // Sets and removes the role's session duration, boundary and tags.
  await parts.client.patch(
    linkedServiceAccounts,
    { name: 'whole' },
    {
      spec: {
        aws: { maxSessionDuration: 7200, permissionsBoundaryArn: policies.fullAccess, tags: { own: '1' } },
      },
    },
    { type: 'merge' },
  );
  await person.untilReady('whole');
  expect(await parts.aws.role(name)).toMatchObject({ maxSessionDuration: 7200, tags: { own: '1' } });
  await parts.client.patch(
    linkedServiceAccounts,
    { name: 'whole' },
    {
      spec: {
        targets: ['production'],
        aws: {
          policyArns: [policies.queues],
          maxSessionDuration: null,
          permissionsBoundaryArn: null,
          tags: null,
        },
      },
    },
    { type: 'merge' },
  );
  await person.untilReady('whole');
  const narrowed = await parts.aws.role(name);
  expect(narrowed).toMatchObject({ maxSessionDuration: 3600, attached: [policies.queues] });
  expect(narrowed?.tags).not.toHaveProperty('own');
  expect(narrowed?.trustPolicy).not.toContain('serviceaccount:staging:');

  await person.deleteAccount('whole');
  await person.untilAccountGone('whole');
  expect(await parts.aws.role(name)).toBeUndefined();
  expect(await endOperator()).toMatchObject({ code: 0 });
});

const noCredentials: Environment = {
  AWS_REGION: 'eu-west-1',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
};

test.each([
  ['CredentialsMissing', 'no AWS credentials', (): Environment => noCredentials],
  [
    'CredentialsRejected',
    'credentials that AWS does not know',
    (): Environment => ({ ...parts.administrator, AWS_ACCESS_KEY_ID: 'AKIAAAAAAAAAAAAAAAAA' }),
  ],
])(
  '%s: an operator with %s reports the problem in the ClusterConfig and in each account, and does nothing else',
  async (reason, _, env) => {
    startOperator({ ...env(), AWS_ENDPOINT_URL: parts.aws.endpoint });
    await parts.configure();
    await person.createAccount('waiting');
    const { message } = await parts.untilConfigured(reason);
    expect(message).toContain('sts:GetCallerIdentity');
    const reported = await person.untilAccount('waiting', 'ClusterConfigNotReady', (account) => {
      const ready = findCondition(account.status?.conditions, 'Ready');
      return ready?.reason === 'ClusterConfigNotReady' && ready.message.includes(message)
        ? account
        : undefined;
    });
    expect(reported.metadata.finalizers ?? []).toEqual([]);
    expect(await person.serviceAccount('production', 'waiting')).toBeUndefined();
  },
);

test('AccessDenied: the status names each denied action in the condition or the policy row that the denial affects', async () => {
  const actions = await documentedActions();
  const few = actions.filter((action) => !['iam:CreateRole', 'iam:AttachRolePolicy'].includes(action));
  startOperator(await parts.credentialsThatMay('no-create', few));
  await parts.configure();
  await person.createAccount('denied');
  const reported = await person.untilAccount('denied', 'AccessDenied', (account) => {
    const ready = findCondition(account.status?.conditions, 'Ready');
    return ready?.reason === 'AccessDenied' ? ready : undefined;
  });
  expect(reported.message).toContain('not authorized to perform: iam:CreateRole');
  await parts.untilConfigured('Ready');
  await endOperator();

  const more = actions.filter((action) => action !== 'iam:AttachRolePolicy');
  startOperator(await parts.credentialsThatMay('no-attach', more));
  const unattached = await person.untilAccount('denied', 'that a policy cannot be attached', (account) =>
    findCondition(account.status?.conditions, 'PoliciesAttached')?.reason === 'AccessDenied' &&
    account.status?.ready === '2/2'
      ? account
      : undefined,
  );
  expect(unattached.status?.policies?.[0]?.message).toContain(
    'not authorized to perform: iam:AttachRolePolicy',
  );
  await endOperator();

  startOperator(await parts.credentialsThatMay('all', actions));
  await person.untilReady('denied');
  await endOperator();

  // If AWS denies the deletion of the role, the finalizer blocks the deletion of the account, and the account's status
  // contains the reason.
  const undeletable = actions.filter((action) => action !== 'iam:DeleteRole');
  startOperator(await parts.credentialsThatMay('no-delete', undeletable));
  await person.deleteAccount('denied');
  const held = await person.untilAccount('denied', 'that its role cannot be deleted', (account) => {
    const ready = findCondition(account.status?.conditions, 'Ready');
    return ready?.reason === 'AccessDenied' ? ready : undefined;
  });
  expect(held.message).toContain('not authorized to perform: iam:DeleteRole');
  await endOperator();

  startOperator(await parts.credentialsThatMay('all-again', actions));
  await person.untilAccountGone('denied');
});

test('WrongAccount: the operator does not use credentials of an AWS account other than the one in the ClusterConfig', async () => {
  const position = await parts.aws.position();
  startOperator(parts.administrator);
  await parts.configure({ accountId: '111111111111' });
  await person.createAccount('elsewhere');
  const { message } = await parts.untilConfigured('WrongAccount');
  expect(message).toContain(
    `belong to the AWS account ${parts.accountId}, but spec.aws.accountId is 111111111111`,
  );
  await person.untilAccount('elsewhere', 'ClusterConfigNotReady', (account) => {
    const ready = findCondition(account.status?.conditions, 'Ready');
    return ready?.reason === 'ClusterConfigNotReady' && ready.message.includes(message) ? true : undefined;
  });
  expect((await parts.aws.journal(position)).filter(({ changed }) => changed)).toEqual([]);
  expect(await parts.aws.roleNames()).not.toContainEqual(expect.stringContaining('elsewhere'));

  await parts.configure({ accountId: parts.accountId });
  await person.untilReady('elsewhere');

  // If the ClusterConfig is changed to name another AWS account, the running operator changes nothing more in AWS, not
  // even for an account that is being deleted.
  await parts.configure({ accountId: '111111111111' });
  await parts.untilConfigured('WrongAccount');
  const later = await parts.aws.position();
  await person.editPolicies('elsewhere', [policies.fullAccess]);
  await person.untilAccount('elsewhere', 'ClusterConfigNotReady again', (account) =>
    findCondition(account.status?.conditions, 'Ready')?.reason === 'ClusterConfigNotReady' ? true : undefined,
  );
  await person.deleteAccount('elsewhere');
  expect((await parts.aws.journal(later)).filter(({ changed }) => changed)).toEqual([]);
  await parts.configure({ accountId: parts.accountId });
  await person.untilAccountGone('elsewhere');
  expect(await parts.aws.roleNames()).not.toContainEqual(expect.stringContaining('elsewhere'));
});

test('no operator writes a token or a credential into its log or an Event, whatever fails', async () => {
  expect(logged).toContain('"level":"debug"');
  expect(logged).toContain('"step":"ProveIdentity"');
  expect(Object.values(secrets).filter((secret) => secret !== '').length).toBeGreaterThan(4);
  expect(findSecrets(logged, secrets)).toEqual([]);
  const { items } = await parts.client.list<KubeObject>(resources.events);
  const reasons = items.map((event) => ('reason' in event ? event.reason : undefined));
  expect(reasons).toEqual(expect.arrayContaining(['RoleCreated', 'AccessDenied']));
  expect(findSecrets(JSON.stringify(items), secrets)).toEqual([]);
});
