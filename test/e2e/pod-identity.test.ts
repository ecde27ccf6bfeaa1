/**
 * Pod Identity in a complete sandbox: the operator with the shipped permissions, EKS associations, the webhook, and
 * pods whose programs get their credentials from the agent.
 */
import {
  CreatePodIdentityAssociationCommand,
  DescribePodIdentityAssociationCommand,
  EKSClient,
  ListPodIdentityAssociationsCommand,
  UpdatePodIdentityAssociationCommand,
  type PodIdentityAssociation,
} from '@aws-sdk/client-eks';
import { CreateRoleCommand } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  clusterConfigs,
  linkedServiceAccounts,
  type IdentityMode,
  type LinkedServiceAccount,
} from '../../src/api/index.ts';
import { findCondition } from '../../src/k8s/conditions.ts';
import { operatorCalls, ownershipTags } from '../../src/identity/index.ts';
import { resources, type KubeObject } from '../../src/kube/index.ts';
import type { JournalEntry } from '../../sandbox/src/aws/journal.ts';
import { eventually } from '../support/eventually.ts';
import { recordHistory, type History } from '../support/history.ts';
import { createPerson, roleArnOf, roleOf, type Person, type Pod } from '../support/person.ts';
import { startSandbox, type TestSandbox } from '../support/sandbox.ts';
import { roleNameOf } from '../support/emulator.ts';

const targets = ['production', 'staging'] as const;
/** The trust policy from the EKS guide. It trusts the pods of any cluster. */
const trustOfPods = JSON.stringify({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { Service: 'pods.eks.amazonaws.com' },
      Action: ['sts:AssumeRole', 'sts:TagSession'],
    },
  ],
});
const edit = { type: 'merge', fieldManager: 'test' } as const;

let sandbox: TestSandbox;
let person: Person;
let eks: EKSClient;
let pods: History<Pod>;
/** ARN of a foreign role. */
let theirRole: string;
beforeAll(async () => {
  sandbox = await startSandbox();
  person = createPerson(sandbox.client);
  const { awsEndpoint: endpoint, region, credentials } = sandbox.description;
  eks = new EKSClient({ endpoint, region, credentials });
  pods = await recordHistory(sandbox.client, resources.pods);
  const { Role: role } = await sandbox.aws.iam.send(
    new CreateRoleCommand({ RoleName: 'theirs', AssumeRolePolicyDocument: trustOfPods }),
  );
  theirRole = role?.Arn ?? '';
});
afterAll(async () => {
  eks?.destroy();
  await pods?.stop();
  await sandbox?.stop();
});

const clusterName = (): string => sandbox.description.name;

async function association(associationId: string | undefined): Promise<PodIdentityAssociation | undefined> {
  const found = await eks.send(
    new DescribePodIdentityAssociationCommand({ clusterName: clusterName(), associationId }),
  );
  return found.association;
}

/** Returns the associations of the account's ServiceAccounts, by target. */
async function associations(serviceAccount: string): Promise<readonly PodIdentityAssociation[]> {
  const listed = await eks.send(
    new ListPodIdentityAssociationsCommand({ clusterName: clusterName(), serviceAccount }),
  );
  const found = await Promise.all(
    (listed.associations ?? []).map(({ associationId }) => association(associationId)),
  );
  return found
    .filter((one) => one !== undefined)
    .toSorted((a, b) => (a.namespace ?? '').localeCompare(b.namespace ?? ''));
}

const marksOf = (account: string, uid: string): Record<string, string> => {
  const { region, name, issuer } = sandbox.description;
  const clusterArn = `arn:aws:eks:${region}:${theirRole.split(':')[4]}:cluster/${name}`;
  return { ...ownershipTags({ clusterArn, issuer, providerArn: '', account, uid }) };
};

/** Creates an association in staging with the tags of an account that does not exist. */
async function associate(account: string, uid: string): Promise<PodIdentityAssociation | undefined> {
  const made = await eks.send(
    new CreatePodIdentityAssociationCommand({
      clusterName: clusterName(),
      namespace: 'staging',
      serviceAccount: account,
      roleArn: theirRole,
      tags: marksOf(account, uid),
    }),
  );
  return made.association;
}

const isByAgent = (pod: Pod): boolean =>
  pod.spec.containers.every(({ env = [] }) =>
    env.some(({ name }) => name === 'AWS_CONTAINER_CREDENTIALS_FULL_URI'),
  ) && roleOf(pod) === undefined;

function setMode(name: string, identityMode: IdentityMode | null): Promise<unknown> {
  return sandbox.client.patch(linkedServiceAccounts, { name }, { spec: { aws: { identityMode } } }, edit);
}

/** Waits until the account is Ready and every target uses this mode. */
function untilServed(name: string, mode: IdentityMode): Promise<LinkedServiceAccount> {
  return person.untilAccount(name, `Ready by ${mode}`, (account) =>
    findCondition(account.status?.conditions, 'Ready')?.status === 'True' &&
    account.status?.targets?.every(({ identityMode = 'IRSA' }) => identityMode === mode)
      ? account
      : undefined,
  );
}

/** Returns the identity of a program with a stock SDK that runs as a pod of the app. */
async function tryAsPod(app: string, namespace: string): Promise<string> {
  const program = `
    import('${import.meta.resolve('@aws-sdk/client-s3')}').then(async ({ S3Client, ListBucketsCommand, CreateBucketCommand }) => {
      const s3 = new S3Client({});
      await s3.send(new ListBucketsCommand({})).then(() => console.log('listed'));
      await s3.send(new CreateBucketCommand({ Bucket: 'of-the-pod' })).catch((error) => console.log(error.name));
    }).catch((error) => console.log(error.name));`;
  const { code, stdout, stderr } = await sandbox.kon(
    ['sandbox', 'exec', `deploy/${app}`, '-n', namespace, '--', process.execPath, '-e', program],
    { env: { KON_SANDBOX_DIR: sandbox.description.folder } },
  );
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return stdout.trim();
}

async function revisions(app: string): Promise<readonly number[]> {
  return Promise.all(targets.map((target) => person.revision(app, target)));
}

test('an account without pods is set up, and its first pod proves the identity', async () => {
  await person.createAccount('first', { identityMode: 'PodIdentity' });
  const waiting = await person.untilAccount('first', 'that it waits for a pod', (account) =>
    findCondition(account.status?.conditions, 'IdentityProven')?.reason === 'AwaitingFirstPod'
      ? account
      : undefined,
  );
  expect(findCondition(waiting.status?.conditions, 'IdentityProven')?.status).toBe('Unknown');
  expect(findCondition(waiting.status?.conditions, 'Ready')).toMatchObject({
    status: 'Unknown',
    reason: 'AwaitingFirstPod',
  });
  expect(findCondition(waiting.status?.conditions, 'TargetsLinked')?.status).toBe('True');
  const made = await associations('first');
  expect(made.map(({ namespace, roleArn }) => [namespace, roleArn])).toEqual(
    targets.map((target) => [target, waiting.status?.roleArn]),
  );
  for (const { tags } of made)
    expect(tags).toMatchObject({ 'k11n.dev/managed-by': 'konstellation', 'k11n.dev/account': 'first' });
  for (const target of targets) {
    const serviceAccount = await person.serviceAccount(target, 'first');
    expect(serviceAccount?.metadata.labels).toMatchObject({ 'k11n.dev/account': 'first' });
    expect(roleArnOf(serviceAccount)).toBeUndefined();
  }
  const shown = await sandbox.kon(['account', 'show', 'first']);
  expect(shown.stdout).toContain('by association');
  expect(shown.stdout).toContain('by its first pod');
  const waited = await sandbox.kon([
    'account',
    'edit',
    'first',
    '--add-policy',
    'arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess',
  ]);
  expect(waited.code).toBe(0);
  expect(waited.stderr).toContain('account first is in place after');
  const unproven = await sandbox.kon(['account', 'verify', 'first']);
  expect(unproven.code).not.toBe(0);
  expect(unproven.stdout).toContain('AwaitingFirstPod');

  await person.createApp('first', { serviceAccount: 'first' });
  await person.untilAppReady('first');
  for (const target of targets) await person.untilPods('first', target, 'by the agent', isByAgent);
  await untilServed('first', 'PodIdentity');
  const proven = await person.untilAccount('first', 'that its pods are counted', (account) =>
    account.status?.targets?.every(({ pods }) => pods?.current === 1) ? account : undefined,
  );
  expect(
    proven.status?.targets?.map(({ proven: isProven, pods: { current } = {} }) => [isProven, current]),
  ).toEqual(targets.map(() => [true, 1]));
  expect(await revisions('first')).toEqual([1, 1]);
  expect((await sandbox.kon(['account', 'verify', 'first'])).code).toBe(0);
  expect(await tryAsPod('first', 'production')).toBe('listed\nAccessDenied');
});

test('G1: an account is not Ready while no Pod Identity agent runs on the node of its pod, and is Ready again when an agent runs', async () => {
  const ref = { namespace: 'kube-system', name: 'eks-pod-identity-agent' };
  const { metadata, ...agent } = await sandbox.client.get<KubeObject>(resources.daemonSets, ref);
  const agentCheck = async (): Promise<unknown> => {
    const { stdout } = await sandbox.kon(['doctor', '-o', 'json']);
    const { checks } = JSON.parse(stdout) as { readonly checks: readonly { readonly id: string }[] };
    return checks.find(({ id }) => id === 'pod-identity-agent');
  };
  expect(await agentCheck()).toMatchObject({ status: 'ok', message: `${ref.namespace}/${ref.name}, 1 node` });
  await sandbox.client.delete(resources.daemonSets, ref, { propagationPolicy: 'Background' });
  const row = await person.untilRow('first', 'production', 'AgentMissing');
  expect(row).toMatchObject({ linked: true, proven: false });
  expect(row.message).toContain('no Pod Identity agent is ready on its node node-1');
  const unready = await person.untilAccount('first', 'that it is not Ready', (account) =>
    findCondition(account.status?.conditions, 'Ready')?.status === 'False' ? account : undefined,
  );
  expect(findCondition(unready.status?.conditions, 'IdentityProven')?.reason).toBe('AgentMissing');
  expect(await agentCheck()).toMatchObject({
    status: 'error',
    message: 'no Pod Identity agent is ready on 1 of 1 node: node-1',
  });
  const unproven = await sandbox.kon(['account', 'verify', 'first']);
  expect(unproven.code).not.toBe(0);
  expect(unproven.stdout).toContain('AgentMissing');
  expect(await tryAsPod('first', 'production')).toBe('CredentialsProviderError');

  const { name, namespace = '', labels = {} } = metadata;
  await sandbox.client.create<KubeObject>(resources.daemonSets, {
    ...agent,
    metadata: { name, namespace, labels },
  });
  await untilServed('first', 'PodIdentity');
  expect((await sandbox.kon(['account', 'verify', 'first'])).code).toBe(0);
  expect(await tryAsPod('first', 'production')).toBe('listed\nAccessDenied');
  expect(await revisions('first')).toEqual([1, 1]);
});

test('a foreign association is reported and stays unchanged', async () => {
  await person.createAccount('taken');
  await person.untilReady('taken');
  await eks.send(
    new CreatePodIdentityAssociationCommand({
      clusterName: clusterName(),
      namespace: 'production',
      serviceAccount: 'taken',
      roleArn: theirRole,
    }),
  );
  const before = await associations('taken');
  const row = await person.untilRow('taken', 'production', 'ForeignAssociation');
  expect(row.message).toContain(before[0]?.associationId);
  expect(row.message).toContain(theirRole);
  // The other target and the account's policies are still reconciled.
  await person.untilAccount('taken', 'that staging is proven', (account) =>
    account.status?.targets?.find(({ name, proven }) => name === 'staging' && proven),
  );
  await setMode('taken', 'PodIdentity');
  await person.untilAccount('taken', 'that staging goes over all the same', (account) =>
    account.status?.targets?.find(
      ({ name, identityMode, confirmed }) =>
        name === 'staging' && identityMode === 'PodIdentity' && confirmed,
    ),
  );
  await person.deleteAccount('taken');
  await person.untilAccountGone('taken');
  expect(await associations('taken')).toEqual(before);
});

test('an account switches to Pod Identity and back target by target, and its pods roll once each time', async () => {
  await person.createAccount('goes');
  await person.createApp('goes', { serviceAccount: 'goes' });
  await person.untilReady('goes');
  await person.untilAppReady('goes');
  expect(await revisions('goes')).toEqual([1, 1]);
  const there = await sandbox.aws.position();
  await setMode('goes', 'PodIdentity');
  const over = await untilServed('goes', 'PodIdentity');
  for (const target of targets) await person.untilPods('goes', target, 'by the agent', isByAgent);
  await person.untilAppReady('goes');
  expect(await revisions('goes')).toEqual([2, 2]);
  await eventually('the ServiceAccounts have no annotation', async () => {
    const found = await Promise.all(targets.map((target) => person.serviceAccount(target, 'goes')));
    return found.every((serviceAccount) => roleArnOf(serviceAccount) === undefined) || undefined;
  });
  await expectReadBackBetween('goes', await sandbox.aws.journal(there));
  expect(await tryAsPod('goes', 'staging')).toBe('listed\nAccessDenied');

  const back = await sandbox.aws.position();
  await setMode('goes', null);
  const again = await untilServed('goes', 'IRSA');
  expect(again.status?.roleArn).toBe(over.status?.roleArn);
  for (const target of targets)
    await person.untilPods('goes', target, 'by web identity', (pod) => roleOf(pod) === again.status?.roleArn);
  await person.untilAppReady('goes');
  expect(await revisions('goes')).toEqual([3, 3]);
  expect(await associations('goes')).toEqual([]);
  const [proof] = await sequence(back, /^(sts:AssumeRoleWithWebIdentity|eks:DeletePodIdentityAssociation)$/);
  expect(proof).toBe('sts:AssumeRoleWithWebIdentity');
  await eventually('the role trusts pods no more', async () => {
    const found = await sandbox.aws.role(roleNameOf(again.status?.roleArn ?? ''));
    return found?.trustPolicy.includes('pods.eks.amazonaws.com') === false || undefined;
  });
  expect(await tryAsPod('goes', 'production')).toBe('listed\nAccessDenied');
});

test('a whole cluster switches to Pod Identity and back to IRSA', async () => {
  const name = clusterName();
  const [config] = (await sandbox.client.list(clusterConfigs)).items;
  const switchTo = (identityMode: IdentityMode): Promise<unknown> =>
    sandbox.client.patch(
      clusterConfigs,
      { name: config?.metadata.name ?? name },
      { spec: { aws: { identityMode } } },
      edit,
    );
  await person.createAccount('quiet', { targets: ['staging'] });
  await person.untilReady('quiet');
  await switchTo('PodIdentity');
  await untilServed('goes', 'PodIdentity');
  await person.untilRow('quiet', 'staging', 'AwaitingFirstPod');
  for (const target of targets) await person.untilPods('goes', target, 'by the agent', isByAgent);
  expect(await revisions('goes')).toEqual([4, 4]);
  await switchTo('IRSA');
  await untilServed('quiet', 'IRSA');
  await untilServed('goes', 'IRSA');
  for (const target of targets)
    await person.untilPods('goes', target, 'by web identity', (pod) => roleOf(pod) !== undefined);
  expect(await revisions('goes')).toEqual([5, 5]);
  expect(await associations('goes')).toEqual([]);
  expect(await associations('quiet')).toEqual([]);
  // The account `first` sets its own identity mode, so the mode of the ClusterConfig does not apply to it.
  await untilServed('first', 'PodIdentity');
  expect(await revisions('first')).toEqual([1, 1]);
});

test('an account adopts the association of a deleted account of the same name, and corrects drift in that association', async () => {
  const name = 'again';
  const before = await associate(name, 'of an earlier life');
  const { metadata } = await person.createAccount(name, {
    identityMode: 'PodIdentity',
    targets: ['staging'],
  });
  const { roleArn } = await person.untilRow(name, 'staging', 'AwaitingFirstPod');
  const [after] = await associations(name);
  expect(after).toMatchObject({ associationId: before?.associationId, roleArn });
  expect(after?.tags?.['k11n.dev/uid']).toBe(metadata.uid);

  await eks.send(
    new UpdatePodIdentityAssociationCommand({
      clusterName: clusterName(),
      associationId: after?.associationId,
      roleArn: theirRole,
    }),
  );
  await eventually('that it is of the account’s role again', async () =>
    (await association(after?.associationId))?.roleArn === after?.roleArn ? true : undefined,
  );
});

test('kon account orphans --delete removes a role that a deleted account left behind, together with its association', async () => {
  const name = 'left';
  await sandbox.aws.iam.send(
    new CreateRoleCommand({
      RoleName: 'kon-left',
      AssumeRolePolicyDocument: trustOfPods,
      Tags: Object.entries(marksOf(name, 'gone')).map(([Key, Value]) => ({ Key, Value })),
    }),
  );
  await associate(name, 'gone');
  const { code, stderr } = await sandbox.kon(['account', 'orphans', '--delete', '--yes']);
  expect(stderr).toContain('kon-left: deleted, with its association');
  expect(code).toBe(0);
  expect(await associations(name)).toEqual([]);
  expect(await sandbox.aws.role('kon-left')).toBeUndefined();
});

test('the deletion of an account removes its associations and its role once no pod uses them', async () => {
  const { status } = await untilServed('first', 'PodIdentity');
  await person.deleteAccount('first');
  await person.untilAccount('first', 'that it is in use', (account) =>
    findCondition(account.status?.conditions, 'Ready')?.reason === 'InUse' ? account : undefined,
  );
  expect(await associations('first')).toHaveLength(2);
  await person.editApp('first', { serviceAccount: null });
  await person.untilAccountGone('first');
  expect(await associations('first')).toEqual([]);
  expect(await sandbox.aws.role(roleNameOf(status?.roleArn ?? ''))).toBeUndefined();
  for (const target of targets) expect(await person.serviceAccount(target, 'first')).toBeUndefined();
});

test('in the tests above, no pod of an app started without its identity, and AWS denied no call of the operator', async () => {
  const made = (await pods.complete()).filter(
    ({ type, object }) =>
      type === 'ADDED' &&
      ['first', 'goes'].includes(object.spec.serviceAccountName ?? '') &&
      object.metadata.labels?.['k11n.dev/app'] !== undefined,
  );
  expect(made.length).toBeGreaterThanOrEqual(12);
  for (const { object } of made)
    expect([object.metadata.name, isByAgent(object) || roleOf(object)]).not.toContain(undefined);
  const calls = (await sandbox.aws.journal(0)).filter(({ caller }) =>
    caller?.endsWith(':user/konstellation-operator'),
  );
  expect(calls.filter(({ errorCode }) => errorCode?.startsWith('AccessDenied'))).toEqual([]);
  const called = new Set(calls.map(({ service, action }) => `${service}:${action}`));
  const wanted = (['eks', 'eks-auth'] as const).flatMap((service) =>
    Object.keys(operatorCalls[service]).map((action) => `${service}:${action}`),
  );
  expect(wanted.filter((call) => !called.has(call))).toEqual([]);
});

/** Expects that the first target's association was read before the second target's association was created. */
async function expectReadBackBetween(name: string, calls: readonly JournalEntry[]): Promise<void> {
  const creations = calls.filter(
    ({ action, parameters }) =>
      action === 'CreatePodIdentityAssociation' && parameters['serviceAccount'] === name,
  );
  expect(creations).toHaveLength(2);
  const [first, second] = creations;
  const made = await associations(name);
  const arn = made.find(({ namespace }) => namespace === first?.parameters['namespace'])?.associationArn;
  const between = calls.slice(calls.indexOf(first as JournalEntry), calls.indexOf(second as JournalEntry));
  expect(
    between.filter(({ action, resource }) => action === 'DescribePodIdentityAssociation' && resource === arn)
      .length,
  ).toBeGreaterThan(0);
}

/** Returns the matching calls since a position, in order. */
async function sequence(since: number, pattern: RegExp): Promise<readonly string[]> {
  return (await sandbox.aws.journal(since))
    .map(({ service, action }) => `${service}:${action}`)
    .filter((call) => pattern.test(call));
}
