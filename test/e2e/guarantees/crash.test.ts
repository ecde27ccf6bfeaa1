/**
 * Guarantee G6, sampled with real components: whenever an operator is killed, the next one reaches the same end state,
 * without orphans or duplicates. (The simulation kills the operator at every single write.)
 *
 * Most kills here follow a write that AWS has executed and whose response the operator has not received, so that the
 * operator cannot have recorded the write.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  accountLabel,
  linkedServiceAccounts,
  roleArnAnnotation,
  stsAudience,
} from '../../../src/api/index.ts';
import { resources, type KubeObject } from '../../../src/kube/index.ts';
import type { Running } from '../../support/executable.ts';
import { createPerson, policies, type Person } from '../../support/person.ts';
import { startSandbox, type TestSandbox } from '../../support/sandbox.ts';
import { roleNameOf, type RoleSnapshot } from '../../support/emulator.ts';

const targets = ['production', 'staging'];
const names = ['alpha', 'beta', 'gamma', 'delta', 'epsilon'];
/**
 * The calls of a drift pass: a listing of all roles, a read of the OIDC provider, a read of one role, and a listing of
 * Pod Identity associations.
 */
const driftPassCalls = [
  'GetAccountAuthorizationDetails',
  'GetOpenIDConnectProvider',
  'GetRole',
  'ListPodIdentityAssociations',
];
const listed = [policies.fullAccess, policies.queues];

let sandbox: TestSandbox;
let person: Person;
let operator: Running | undefined;
beforeAll(async () => {
  sandbox = await startSandbox({ operator: false });
  person = createPerson(sandbox.client);
});
afterAll(async () => {
  await operator?.end('SIGKILL');
  await sandbox?.stop();
});

/**
 * Starts an operator with a kubeconfig and AWS settings from the environment, as a shell that uses the sandbox has
 * them.
 */
async function startOperator(...options: readonly string[]): Promise<void> {
  await operator?.end('SIGKILL');
  operator = sandbox.startKon(['operator', '--without-lease', ...options]);
}

/** Limits the operator to one account at a time, so that every restarted operator still has work of every kind. */
const oneAtATime = '--concurrency=1';

/**
 * Kills the operator when it makes this AWS call: either before AWS executes the call, which AWS then drops, or after
 * the execution but before the response.
 */
async function killAt(moment: 'beforeCall' | 'afterCall', action: string): Promise<void> {
  const position = await sandbox.aws.position();
  const restore = await sandbox.aws.inject({ service: 'iam', action, drop: moment });
  await startOperator(oneAtATime);
  await sandbox.aws.untilCalled(
    position,
    `the operator to ask for ${action}`,
    (call) => call.action === action && (moment === 'beforeCall' ? call.fault !== undefined : call.changed),
  );
  await operator?.end('SIGKILL');
  await restore();
}

/** Kills the operator when a ServiceAccount is created or deleted. */
async function killAtLink(happening: 'ADDED' | 'DELETED'): Promise<void> {
  const ofAccounts = { labelSelector: accountLabel };
  const { resourceVersion } = await sandbox.client.list(resources.serviceAccounts, ofAccounts);
  await startOperator(oneAtATime);
  for await (const event of sandbox.client.watch(resources.serviceAccounts, {
    ...ofAccounts,
    resourceVersion,
  }))
    if (event.type === happening) break;
  await operator?.end('SIGKILL');
}

async function linkedServiceAccountsIn(target: string): Promise<readonly KubeObject[]> {
  const selection = { namespace: target, labelSelector: accountLabel };
  return (await sandbox.client.list<KubeObject>(resources.serviceAccounts, selection)).items;
}

test("an operator that is killed again and again creates each account's objects exactly once", async () => {
  const foreign = await sandbox.aws.roleNames();
  await Promise.all(names.map((name) => person.createAccount(name, { policyArns: listed })));
  await killAt('afterCall', 'CreateRole');
  await killAtLink('ADDED');
  await killAt('afterCall', 'AttachRolePolicy');
  await killAt('afterCall', 'CreateRole');
  await startOperator();
  const accounts = await Promise.all(names.map((name) => person.untilReady(name)));

  const arns = accounts.map(({ status }) => status?.roleArn ?? '');
  const roles = await sandbox.aws.roleNames();
  expect(roles.filter((name) => !foreign.includes(name))).toEqual(arns.map(roleNameOf).sort());
  for (const [index, name] of names.entries()) {
    const role = await sandbox.aws.role(roleNameOf(arns[index] ?? ''));
    expect(role).toMatchObject({ attached: listed, inline: [], maxSessionDuration: 3600 });
    expect(role?.tags).toMatchObject({
      'k11n.dev/account': name,
      'k11n.dev/uid': accounts[index]?.metadata.uid,
    });
    expect(subjectsOf(role)).toEqual(targets.map((target) => `system:serviceaccount:${target}:${name}`));
  }
  for (const target of targets) {
    const links = await linkedServiceAccountsIn(target);
    expect(
      Object.fromEntries(
        links.map(({ metadata }) => [metadata.name, metadata.annotations?.[roleArnAnnotation]]),
      ),
    ).toEqual(Object.fromEntries(names.map((name, index) => [name, arns[index]])));
  }
  await operator?.end('SIGKILL');
});

test('an operator that restarts while all accounts are in sync writes nothing, and makes few AWS calls besides a drift pass', async () => {
  const position = await sandbox.aws.position();
  const versions = async (): Promise<unknown> =>
    (await sandbox.client.list<KubeObject>(linkedServiceAccounts)).items.map(
      ({ metadata }) => metadata.resourceVersion,
    );
  const before = await versions();
  await startOperator();
  await sandbox.aws.untilCalled(
    position,
    'drift passes of the new operator',
    ({ action }) => action === 'GetAccountAuthorizationDetails',
    2,
  );
  const calls = await sandbox.aws.journal(position);
  expect(calls.filter(({ changed }) => changed)).toEqual([]);
  // Calls that do not belong to the drift pass, such as for the caller's identity and quotas. There is no call per
  // account, and no repeated proof.
  const beside = calls.map(({ action }) => action).filter((action) => !driftPassCalls.includes(action));
  expect(beside.length).toBeLessThanOrEqual(5);
  expect(new Set(beside).size).toBe(beside.length);
  expect(beside).not.toContain('AssumeRoleWithWebIdentity');
  expect(await versions()).toEqual(before);
  await operator?.end('SIGKILL');
});

test('every edit reaches the role of the edited account, although the operator is killed and restarted during the edits', async () => {
  const asked = [policies.readOnly, policies.queues];
  const before = await sandbox.aws.roleNames();
  await Promise.all(names.map((name) => person.editPolicies(name, asked)));
  await killAt('afterCall', 'AttachRolePolicy');
  await killAt('beforeCall', 'DetachRolePolicy');
  await killAt('afterCall', 'DetachRolePolicy');
  await startOperator();
  const accounts = await Promise.all(names.map((name) => person.untilReady(name)));
  for (const { status } of accounts)
    expect((await sandbox.aws.role(roleNameOf(status?.roleArn ?? '')))?.attached).toEqual(asked);
  expect(await sandbox.aws.roleNames()).toEqual(before);
  await operator?.end('SIGKILL');
});

test('no role or ServiceAccount of a deleted account remains, although the operator is killed and restarted during the deletions', async () => {
  const made = names.map((name) => expect.stringContaining(`-${name}-`));
  await Promise.all(names.map((name) => person.deleteAccount(name)));
  await killAt('afterCall', 'UpdateAssumeRolePolicy');
  await killAtLink('DELETED');
  await killAt('afterCall', 'DetachRolePolicy');
  await killAt('beforeCall', 'DeleteRole');
  await killAt('afterCall', 'DeleteRole');
  await startOperator();
  await Promise.all(names.map((name) => person.untilAccountGone(name)));
  const roles = await sandbox.aws.roleNames();
  for (const role of made) expect(roles).not.toContainEqual(role);
  for (const target of targets) expect(await linkedServiceAccountsIn(target)).toEqual([]);
  await operator?.end('SIGKILL');
});

test('an account that is deleted and created again while no operator runs gets the same role as before', async () => {
  await startOperator();
  await person.createAccount('phoenix', { policyArns: listed });
  const first = await person.untilReady('phoenix');
  await operator?.end('SIGKILL');
  // Without an operator, the finalizer blocks the deletion, so a user removes the finalizer by hand.
  await sandbox.client.patch(
    linkedServiceAccounts,
    { name: 'phoenix' },
    { metadata: { annotations: { 'k11n.dev/abandon': 'true' }, finalizers: null } },
    { type: 'merge' },
  );
  await person.deleteAccount('phoenix');
  await person.createAccount('phoenix', { policyArns: [policies.readOnly] });
  await startOperator();
  const second = await person.untilReady('phoenix');
  expect(second.status?.roleArn).toBe(first.status?.roleArn);
  expect(second.status?.roleId).toBe(first.status?.roleId);
  const role = await sandbox.aws.role(roleNameOf(second.status?.roleArn ?? ''));
  expect(role?.attached).toEqual([policies.readOnly]);
  expect(role?.tags['k11n.dev/uid']).toBe(second.metadata.uid);
  await person.deleteAccount('phoenix');
  await person.untilAccountGone('phoenix');
  expect(await sandbox.aws.roleNames()).not.toContainEqual(expect.stringContaining('-phoenix-'));
});

test('failed, throttled and unanswered calls and slow watches cause no orphaned or duplicate role', async () => {
  const foreign = await sandbox.aws.roleNames();
  await startOperator();
  await sandbox.aws.injectFaults({
    latencyMs: [5, 80],
    throttles: [{ services: ['iam'], ratePerSecond: 20, burst: 10 }],
    errorRate: 0.1,
    lostResponseRate: 0.3,
    propagationMs: 3000,
    readStalenessMs: [0, 1500],
  });
  const position = await sandbox.aws.position();
  await Promise.all(names.map((name) => person.createAccount(name, { policyArns: listed })));
  await Promise.all(names.map((name) => person.untilReady(name)));
  await Promise.all(names.map((name) => person.editPolicies(name, [policies.readOnly, policies.queues])));
  const accounts = await Promise.all(names.map((name) => person.untilReady(name)));
  const lost = (await sandbox.aws.journal(position)).filter(({ fault }) => fault === 'responseLost');
  expect(lost.length).toBeGreaterThan(0);
  await sandbox.aws.injectFaults({});

  const made = (await sandbox.aws.roleNames()).filter((name) => !foreign.includes(name));
  expect(made).toEqual(accounts.map(({ status }) => roleNameOf(status?.roleArn ?? '')).toSorted(byText));
  for (const name of made)
    expect((await sandbox.aws.role(name))?.attached).toEqual([policies.readOnly, policies.queues]);

  await sandbox.aws.injectFaults({ errorRate: 0.1, lostResponseRate: 0.3, readStalenessMs: [0, 1500] });
  await Promise.all(names.map((name) => person.deleteAccount(name)));
  await Promise.all(names.map((name) => person.untilAccountGone(name)));
  await sandbox.aws.injectFaults({});
  expect(await sandbox.aws.roleNames()).toEqual(foreign);
});

function byText(a: string, b: string): number {
  return a < b ? -1 : 1;
}

function subjectsOf(role: RoleSnapshot | undefined): unknown {
  const { Statement: statements } = JSON.parse(role?.trustPolicy ?? '') as {
    Statement: readonly { Condition: { StringEquals: Record<string, unknown> } }[];
  };
  const conditions = statements[0]?.Condition.StringEquals ?? {};
  expect(Object.values(conditions)).toContain(stsAudience);
  return Object.entries(conditions).find(([key]) => key.endsWith(':sub'))?.[1];
}
