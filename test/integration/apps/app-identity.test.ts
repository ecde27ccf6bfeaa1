/** An App with an account: held until it is proven, rolled exactly when its identity changes, never with missed pods. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { linkedServiceAccounts } from '../../../src/api/index.ts';
import { resources, type KubeObject } from '../../../src/kube/index.ts';
import { podIdentity, type Pod } from '../../../src/workloads/index.ts';
import { startForeignInjector } from './foreign-injector.ts';
import { startHarness, type Harness } from './harness.ts';

let harness: Harness;
let operator: { stop(): Promise<void> };
beforeAll(async () => {
  harness = await startHarness();
  operator = await harness.startOperator();
});
afterAll(async () => {
  await operator?.stop();
  await harness?.stop();
});

const roleOf = (account: string, life = 1): string =>
  `arn:aws:iam::111122223333:role/konstellation/kon-test-${account}-${life}`;

/** As the account controller would: the webhook knows the role, and the status says that it is linked and proven. */
async function prove(account: string, roleArn = roleOf(account)): Promise<void> {
  harness.rolesKnownToWebhook.set(`production/${account}`, roleArn);
  await harness.putAccount(account, [{ roleArn }]);
}

async function holdings(app: string, roleArn: string): Promise<readonly string[]> {
  const pods = (await harness.pods(app)) as readonly Pod[];
  return pods
    .filter((pod) => pod.metadata.deletionTimestamp === undefined)
    .map((pod) => podIdentity(pod, { roleArn, audience: 'sts.amazonaws.com' }).state);
}

async function revisionOf(app: string): Promise<string | undefined> {
  return (await harness.app(app)).status?.targets?.[0]?.revision;
}

test('an app waits for an account that does not exist, is not linked, is not proven, and goes on by itself', async () => {
  await harness.createApp('waiting', { serviceAccount: 'late' });
  await harness.untilReason('waiting', 'AccountNotFound');
  expect(await harness.get(resources.deployments, 'production', 'waiting')).toBeUndefined();

  await harness.putAccount('late', [{ roleArn: roleOf('late'), linked: false, proven: false }]);
  await harness.untilReason('waiting', 'AccountNotLinkedToTarget');
  await harness.putAccount('late', [
    { roleArn: roleOf('late'), proven: false, message: 'AccessDenied: not yet' },
  ]);
  const held = await harness.untilReason('waiting', 'IdentityNotProven');
  expect(held.status?.targets?.[0]).toMatchObject({
    state: 'WaitingForIdentity',
    message: expect.stringMatching(/AccessDenied: not yet/) as string,
  });
  expect(await harness.get(resources.deployments, 'production', 'waiting')).toBeUndefined();

  await prove('late');
  const ready = await harness.untilReady('waiting');
  expect(ready.status?.targets?.[0]).toMatchObject({ roleArn: roleOf('late'), identityCurrent: true });
  expect(await holdings('waiting', roleOf('late'))).toEqual(['current']);
});

test('the wait and the way out of it are told as Events', async () => {
  const reasons = await harness.eventually('both are there', async () => {
    const { items } = await harness.client.list(resources.events);
    const about = items
      .map((event) => event as { reason?: string; regarding?: { kind?: string; name?: string } })
      .filter(({ regarding }) => regarding?.kind === 'App' && regarding.name === 'waiting')
      .map(({ reason }) => reason);
    return about.includes('AccountNotFound') && about.includes('Available') && about;
  });
  expect(reasons).toEqual(expect.arrayContaining(['IdentityNotProven', 'Deployed']));
});

test('an app that runs without an account takes one up when it is proven, once', async () => {
  await harness.createApp('taker', {});
  await harness.untilReady('taker');
  await harness.editApp('taker', { spec: { serviceAccount: 'taken' } });
  await harness.untilReason('taker', 'AccountNotFound');
  expect(await harness.replicaSets('taker')).toHaveLength(1);
  await prove('taken');
  await harness.untilReady('taker');
  expect(await revisionOf('taker')).toBe('2');
  expect(await holdings('taker', roleOf('taken'))).toEqual(['current']);
});

test('a change of policies, and doubt about a proof, restart nothing', async () => {
  const before = (await harness.pods('taker')).map((pod) => pod.metadata.uid);
  await harness.client.patch(
    linkedServiceAccounts,
    { name: 'taken' },
    { spec: { aws: { policyArns: ['arn:aws:iam::aws:policy/AmazonS3FullAccess'] } } },
    { type: 'merge' },
  );
  await harness.putAccount('taken', [{ roleArn: roleOf('taken'), proven: false }]);
  const doubtful = await harness.untilReason('taker', 'IdentityNotProven');
  expect(doubtful.status?.targets?.[0]?.state).toBe('Ready');
  await prove('taken');
  await harness.untilReady('taker');
  expect((await harness.pods('taker')).map((pod) => pod.metadata.uid)).toEqual(before);
  expect(await revisionOf('taker')).toBe('2');
});

test('another role rolls the app once, after its proof', async () => {
  harness.rolesKnownToWebhook.set('production/taken', roleOf('taken', 2));
  await harness.putAccount('taken', [{ roleArn: roleOf('taken', 2), proven: false }]);
  await harness.untilReason('taker', 'IdentityNotProven');
  expect(await revisionOf('taker')).toBe('2');
  await prove('taken', roleOf('taken', 2));
  await harness.untilReady('taker');
  expect(await revisionOf('taker')).toBe('3');
  expect(await holdings('taker', roleOf('taken', 2))).toEqual(['current']);
});

test('an app that drops its account rolls off it, even while the account is being deleted', async () => {
  await prove('dropped');
  await harness.createApp('dropper', { serviceAccount: 'dropped' });
  await harness.untilReady('dropper');
  await harness.client.patch(
    linkedServiceAccounts,
    { name: 'dropped' },
    { metadata: { finalizers: ['k11n.dev/iam-role'] } },
    { type: 'merge' },
  );
  await harness.client.delete(linkedServiceAccounts, { name: 'dropped' });
  await harness.untilReason('dropper', 'AccountDeleting');
  await harness.editApp('dropper', { spec: { serviceAccount: null } });
  await harness.untilReady('dropper');
  const pods = (await harness.pods('dropper')) as readonly Pod[];
  expect(pods.map((pod) => pod.spec?.serviceAccountName)).toEqual(['default']);
  await harness.client.patch(
    linkedServiceAccounts,
    { name: 'dropped' },
    { metadata: { finalizers: null } },
    { type: 'merge' },
  );
});

test('no identity is rolled out while nothing injects it: what runs goes on, what is new waits', async () => {
  await prove('first');
  await harness.createApp('untouched', { serviceAccount: 'first' });
  await harness.untilReady('untouched');
  await harness.putAccount('unseen', [{ roleArn: roleOf('unseen') }]);
  await harness.editApp('untouched', { spec: { serviceAccount: 'unseen' } });
  await harness.createApp('unborn', { serviceAccount: 'unseen' });
  const held = await harness.untilReason('unborn', 'NotInjected');
  expect(held.status?.targets?.[0]).toMatchObject({
    state: 'WaitingForIdentity',
    message: expect.stringMatching(
      /once the webhook injects: a pod made now would hold no identity of its own.*nothing is deployed before/,
    ) as string,
  });
  expect(held.status?.conditions?.find(({ type }) => type === 'IdentityReady')).toMatchObject({
    status: 'False',
    reason: 'NotInjected',
  });
  expect(await harness.get(resources.deployments, 'production', 'unborn')).toBeUndefined();
  await harness.untilReason('untouched', 'NotInjected');
  expect(await holdings('untouched', roleOf('first'))).toEqual(['current']);
  expect(await revisionOf('untouched')).toBe('1');

  harness.rolesKnownToWebhook.set('production/unseen', roleOf('unseen'));
  await harness.untilReady('unborn');
  await harness.untilReady('untouched');
  expect(await holdings('unborn', roleOf('unseen'))).toEqual(['current']);
  expect(await holdings('untouched', roleOf('unseen'))).toEqual(['current']);
  expect(await revisionOf('unborn')).toBe('1');
  expect(await revisionOf('untouched')).toBe('2');
}, 90_000);

test('pods that the webhook missed are reported, and replaced once the webhook injects', async () => {
  await prove('missed');
  await harness.createApp('missing', { serviceAccount: 'missed', scale: { min: 2 } });
  await harness.untilReady('missing');
  harness.rolesKnownToWebhook.delete('production/missed');
  for (const { metadata } of await harness.pods('missing'))
    await harness.client.delete(resources.pods, metadata);
  const app = await harness.untilReason('missing', 'PodsNotCurrent');
  expect(app.status?.targets?.[0]).toMatchObject({ state: 'Progressing', identityCurrent: false });
  const told = await harness.eventually('it is told why nothing is replaced', async () => {
    const message = (await harness.app('missing')).status?.targets?.[0]?.message;
    return message?.includes('once the webhook injects') && message.startsWith('2 pods') && message;
  });
  expect(told).toMatch(/2 pods do not hold the identity: pod missing-.* holds no identity of its own/);

  harness.rolesKnownToWebhook.set('production/missed', roleOf('missed'));
  await harness.untilReady('missing');
  expect(await holdings('missing', roleOf('missed'))).toEqual(['current', 'current']);
  // Replaced, not rolled.
  expect(await revisionOf('missing')).toBe('1');
}, 90_000);

test('a disruption budget is heeded: a missed pod that it protects is left, and the row says for what it waits', async () => {
  await prove('guarded');
  await harness.createApp('guarded', { serviceAccount: 'guarded' });
  await harness.untilReady('guarded');
  const budget = { name: 'strict', namespace: 'production' };
  await harness.client.create<KubeObject>(resources.podDisruptionBudgets, {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: budget,
    spec: { minAvailable: 1, selector: { matchLabels: { 'k11n.dev/app': 'guarded' } } },
  } as KubeObject);
  harness.rolesKnownToWebhook.delete('production/guarded');
  for (const { metadata } of await harness.pods('guarded'))
    await harness.client.delete(resources.pods, metadata);
  await harness.untilReason('guarded', 'PodsNotCurrent');
  const [missed] = await harness.pods('guarded');
  await harness.eventually('the budget counts the pod', async () => {
    const seen = await harness.get(resources.podDisruptionBudgets, 'production', 'strict');
    return (seen?.status as { currentHealthy?: number } | undefined)?.currentHealthy === 1;
  });
  harness.rolesKnownToWebhook.set('production/guarded', roleOf('guarded'));
  await harness.eventually('it is told what it waits for', async () => {
    const message = (await harness.app('guarded')).status?.targets?.[0]?.message;
    return message?.endsWith('it is replaced when its disruption budget allows');
  });
  expect((await harness.pods('guarded')).map(({ metadata }) => metadata.uid)).toEqual([missed?.metadata.uid]);
  await harness.client.delete(resources.podDisruptionBudgets, budget);
  await harness.untilReady('guarded');
  expect(await holdings('guarded', roleOf('guarded'))).toEqual(['current']);
}, 90_000);

test('pods into which somebody else puts a sidecar, after the webhook, are deployed, rolled once, and not replaced', async () => {
  const stop = await startForeignInjector(harness.client, 'meshed');
  try {
    await prove('meshed');
    await harness.createApp('meshed', { serviceAccount: 'meshed' });
    await harness.untilReady('meshed');
    const containersOf = async (): Promise<readonly string[]> => {
      const pods = (await harness.pods('meshed')) as readonly Pod[];
      return pods.flatMap((pod) => (pod.spec?.containers ?? []).map(({ name }) => name));
    };
    expect(await containersOf()).toEqual(['sidecar', 'meshed']);
    expect(await holdings('meshed', roleOf('meshed'))).toEqual(['current']);
    await prove('meshed', roleOf('meshed', 2));
    await harness.eventually('the other role is there', async () => {
      const { targets } = (await harness.app('meshed')).status ?? {};
      return targets?.[0]?.state === 'Ready' && targets[0].roleArn === roleOf('meshed', 2);
    });
    expect(await holdings('meshed', roleOf('meshed', 2))).toEqual(['current']);
    expect(await containersOf()).toEqual(['sidecar', 'meshed']);
    expect(await revisionOf('meshed')).toBe('2');
    expect(await harness.replicaSets('meshed')).toHaveLength(2);
    const { items } = await harness.client.list(resources.events);
    const replaced = items
      .map((event) => event as { reason?: string; regarding?: { name?: string } })
      .filter(({ reason, regarding }) => reason === 'PodReplaced' && regarding?.name === 'meshed');
    expect(replaced).toEqual([]);
  } finally {
    await stop();
  }
}, 90_000);

test('an operator that is stopped in the middle of a wait goes on where it was', async () => {
  await harness.createApp('resumed', { serviceAccount: 'later' });
  await harness.untilReason('resumed', 'AccountNotFound');
  await operator.stop();
  await prove('later');
  operator = await harness.startOperator();
  await harness.untilReady('resumed');
  expect(await revisionOf('resumed')).toBe('1');
});
