/**
 * Apps with an account: the operator holds a rollout until the account is proven, rolls the pods exactly when their
 * identity changes, and replaces pods that the webhook missed.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  identityAnnotation,
  linkedServiceAccounts,
  restartLabel,
  type AppSpec,
} from '../../../src/api/index.ts';
import { resources, type KubeObject } from '../../../src/kube/index.ts';
import { podIdentity, type Pod } from '../../../src/workloads/index.ts';
import { startForeignInjector } from './foreign-injector.ts';
import { startHarness, type Harness } from './harness.ts';
import { dryRunPod, untilQuotaRefuses } from './parts.ts';

const resourceQuotas = {
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  namespaced: true,
} as const;

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

/**
 * Proves the account as the account controller would: the webhook knows the role, and the status reports that the
 * account is linked and proven.
 */
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

test('an app waits while its account does not exist, is not linked or is not proven, and then continues without intervention', async () => {
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

test('Events report when an app starts to wait for its account, and when the wait ends', async () => {
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

test('an app that runs without an account is rolled once when its new account is proven', async () => {
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

test('no pod of an app is restarted when the policies of its account change or its identity is temporarily not proven', async () => {
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

test('an app whose account gets a different role waits until that role is proven, and then rolls out once', async () => {
  harness.rolesKnownToWebhook.set('production/taken', roleOf('taken', 2));
  await harness.putAccount('taken', [{ roleArn: roleOf('taken', 2), proven: false }]);
  await harness.untilReason('taker', 'IdentityNotProven');
  expect(await revisionOf('taker')).toBe('2');
  await prove('taken', roleOf('taken', 2));
  await harness.untilReady('taker');
  expect(await revisionOf('taker')).toBe('3');
  expect(await holdings('taker', roleOf('taken', 2))).toEqual(['current']);
});

test('an app whose spec no longer names an account gets pods with the default ServiceAccount, even while the account is being deleted', async () => {
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

test('while no webhook injects identities, no identity is rolled out: running pods stay, and new apps wait', async () => {
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
      /as soon as the webhook injects the identity: a pod created now would hold no identity of its own.*nothing is deployed until this problem is solved/,
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

/** All changes that create pods for an app with an account, each with the state of the app before the change. */
const changes: readonly {
  readonly name: string;
  readonly before?: Partial<AppSpec>;
  readonly change: Partial<AppSpec>;
  /** Numbers of pods that have the identity: `held` while the webhook is absent, `after` once the webhook is back. */
  readonly held: number;
  readonly after: number;
}[] = [
  { name: 'image', change: { imageTag: '2' }, held: 1, after: 1 },
  { name: 'variable', change: { env: [{ name: 'LEVEL', value: 'debug' }] }, held: 1, after: 1 },
  { name: 'command', change: { command: ['serve'] }, held: 1, after: 1 },
  { name: 'config', change: { configs: [{ name: 'settings', data: { LEVEL: 'x' } }] }, held: 1, after: 1 },
  { name: 'more', change: { scale: { min: 2 } }, held: 1, after: 2 },
  { name: 'zero', before: { scale: { min: 0 } }, change: { scale: { min: 1 } }, held: 0, after: 1 },
  {
    name: 'resumed-app',
    before: { targets: [{ name: 'production', deployMode: 'halt' }] },
    change: { targets: [{ name: 'production', deployMode: 'latest' }] },
    held: 0,
    after: 1,
  },
  {
    name: 'autoscaled',
    before: { scale: { min: 1, max: 4 } },
    change: { scale: { min: 2, max: 4 } },
    held: 1,
    // No autoscaling controller runs here, so the number of pods stays 1. A later assertion checks `minReplicas`.
    after: 1,
  },
];

test('while the webhook is unavailable, no change creates pods of an app with an account, and each change is applied once the webhook is available', async () => {
  await prove('steady');
  for (const { name, before } of changes)
    await harness.createApp(name, { serviceAccount: 'steady', ...before });
  await harness.createApp('back', { serviceAccount: 'steady' });
  for (const name of [...changes.map((change) => change.name), 'back']) await harness.untilReady(name);
  await harness.editApp('back', { spec: { imageTag: '2' } });
  await harness.untilReady('back');
  const uids = async (name: string): Promise<readonly unknown[]> =>
    (await harness.pods(name))
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata }) => metadata.uid);
  const { items } = await harness.client.list<KubeObject>(resources.mutatingWebhookConfigurations);
  const [registration] = items;
  if (!registration) throw new Error('the harness registers a webhook');
  await harness.client.delete(resources.mutatingWebhookConfigurations, registration.metadata);
  await harness.eventually('the API server calls the webhook no more', async () => {
    const pod = await dryRunPod(harness.client, { namespace: 'production', serviceAccountName: 'steady' });
    const wanted = { roleArn: roleOf('steady'), audience: 'sts.amazonaws.com' };
    return podIdentity(pod as Pod, wanted).state !== 'current';
  });
  const all = [
    ...changes,
    // The edit restores the earlier image.
    { name: 'back', change: { imageTag: null as unknown as string }, held: 1, after: 1 },
  ];
  const before = new Map<string, readonly unknown[]>();
  for (const { name, change } of all) {
    before.set(name, await uids(name));
    await harness.editApp(name, { spec: change });
  }
  for (const { name, held } of all) {
    const app = await harness.untilReason(name, 'NotInjected');
    expect(app.status?.targets?.[0], name).toMatchObject({
      state: 'WaitingForIdentity',
      message: expect.stringMatching(/no identity of its own.*stays as last deployed/) as string,
    });
    expect(await uids(name), name).toEqual(before.get(name));
    expect(await holdings(name, roleOf('steady')), name).toEqual(Array(held).fill('current'));
  }
  const minimum = async (): Promise<unknown> => {
    const seen = await harness.get(resources.horizontalPodAutoscalers, 'production', 'autoscaled');
    return (seen?.spec as { minReplicas?: number } | undefined)?.minReplicas;
  };
  expect(await minimum()).toBe(1);
  // Changes that remove pods or that need no identity are executed immediately.
  await harness.editApp('variable', { spec: { targets: [{ name: 'production', deployMode: 'halt' }] } });
  await harness.eventually('it has no pods', async () => (await uids('variable')).length === 0);
  await harness.createApp('plain', {});
  await harness.untilReady('plain');

  const { metadata } = registration;
  await harness.client.create<KubeObject>(resources.mutatingWebhookConfigurations, {
    ...registration,
    metadata: { name: metadata.name },
  });
  await harness.editApp('variable', { spec: { targets: [{ name: 'production', deployMode: 'latest' }] } });
  for (const { name, after } of all) {
    await harness.untilReady(name);
    await harness.eventually(`${name} has its pods`, async () => (await uids(name)).length === after);
    expect(await holdings(name, roleOf('steady')), name).toEqual(Array(after).fill('current'));
  }
  expect(await minimum()).toBe(2);
  expect((await harness.get(resources.deployments, 'production', 'image'))?.spec).toMatchObject({
    template: { spec: { containers: [{ image: 'example.com/web:2' }] } },
  });
}, 120_000);

test('while a quota refuses the dry-run pod, pods that hold their identity stay, and an app without pods is deployed', async () => {
  await prove('bounded');
  const fields = { serviceAccount: 'bounded', targets: [{ name: 'staging', deployMode: 'latest' as const }] };
  harness.rolesKnownToWebhook.set('staging/bounded', roleOf('bounded'));
  await harness.putAccount('bounded', [{ name: 'staging', roleArn: roleOf('bounded') }]);
  await harness.createApp('bounded', fields);
  await harness.untilReady('bounded');
  const uids = async (): Promise<readonly unknown[]> =>
    (await harness.pods('bounded', 'staging')).map(({ metadata }) => metadata.uid);
  const before = await uids();
  const quota = { name: 'one', namespace: 'staging' };
  await harness.client.create<KubeObject>(resourceQuotas, {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: quota,
    spec: { hard: { pods: '1' } },
  } as KubeObject);
  await harness.eventually('the quota counts', async () => {
    const seen = await harness.get(resourceQuotas, 'staging', 'one');
    return (seen?.status as { used?: { pods?: string } } | undefined)?.used?.pods === '1';
  });
  await untilQuotaRefuses(harness.client, 'staging');
  await harness.editApp('bounded', { spec: { imageTag: '2' } });
  const held = await harness.untilReason('bounded', 'IdentityNotChecked');
  expect(held.status?.targets?.[0]?.message).toMatch(/exceeded quota.*stays as last deployed/);
  await harness.createApp('newcomer', fields);
  await harness.untilReason('newcomer', 'FailedCreate');
  expect(await uids()).toEqual(before);
  await harness.client.delete(resourceQuotas, quota);
  await harness.untilReady('bounded');
  await harness.untilReady('newcomer');
  expect(await uids()).not.toEqual(before);
}, 90_000);

test('an app without an account reports that its pods hold an identity until the last of these pods has ended', async () => {
  harness.rolesKnownToWebhook.set('production/default', roleOf('stray'));
  await harness.createApp('strayed', {});
  const app = await harness.untilReason('strayed', 'UnexpectedIdentity');
  expect(app.status?.targets?.[0]).toMatchObject({
    state: 'Ready',
    reason: 'UnexpectedIdentity',
    identityCurrent: false,
    message: expect.stringContaining(roleOf('stray')) as string,
  });
  expect(app.status?.conditions?.find(({ type }) => type === 'IdentityReady')).toMatchObject({
    status: 'False',
    reason: 'UnexpectedIdentity',
  });
  harness.rolesKnownToWebhook.delete('production/default');
  for (const { metadata } of await harness.pods('strayed'))
    await harness.client.delete(resources.pods, metadata);
  await harness.untilReady('strayed');
});

test('a labelled workload is restarted only once the webhook injects the identity into its pods, and one Event reports the delay', async () => {
  const labels = { name: 'labelled' };
  await harness.client.create<KubeObject>(resources.deployments, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace: 'production', name: 'labelled', labels: { [restartLabel]: 'true' } },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { serviceAccountName: 'labelled', containers: [{ name: 'main', image: 'example.com/web' }] },
      },
    },
  } as KubeObject);
  await harness.putAccount('labelled', [{ roleArn: roleOf('labelled') }]);
  const events = async (reason: string): Promise<readonly { note?: string }[]> => {
    const { items } = await harness.client.list(resources.events, { namespace: 'production' });
    return items
      .map((event) => event as { reason?: string; note?: string; regarding?: { name?: string } })
      .filter((event) => event.regarding?.name === 'labelled' && event.reason === reason);
  };
  const [held] = await harness.eventually('it says why it is not restarted', async () => {
    const found = await events('NotInjected');
    return found.length > 0 && found;
  });
  expect(held?.note).toMatch(/restarted as soon as the webhook injects/);
  const mark = async (): Promise<string | undefined> => {
    const found = await harness.get(resources.deployments, 'production', 'labelled');
    const spec = found?.spec as
      | { template: { metadata: { annotations?: Record<string, string> } } }
      | undefined;
    return spec?.template.metadata.annotations?.[identityAnnotation];
  };
  expect(await mark()).toBeUndefined();
  harness.rolesKnownToWebhook.set('production/labelled', roleOf('labelled'));
  await harness.eventually('it is restarted', mark);
  expect(await events('NotInjected')).toHaveLength(1);
});

test('pods into which the webhook injected no identity are reported, and are replaced once the webhook injects identities', async () => {
  await prove('missed');
  await harness.createApp('missing', { serviceAccount: 'missed', scale: { min: 2 } });
  await harness.untilReady('missing');
  harness.rolesKnownToWebhook.delete('production/missed');
  for (const { metadata } of await harness.pods('missing'))
    await harness.client.delete(resources.pods, metadata);
  const app = await harness.untilReason('missing', 'PodsNotCurrent');
  expect(app.status?.targets?.[0]).toMatchObject({ state: 'Progressing', identityCurrent: false });
  const reported = await harness.eventually('the reason why nothing is replaced', async () => {
    const message = (await harness.app('missing')).status?.targets?.[0]?.message;
    return message?.includes('as soon as the webhook injects') && message.startsWith('2 pods') && message;
  });
  expect(reported).toMatch(/2 pods do not hold the identity: pod missing-.* holds no identity of its own/);

  harness.rolesKnownToWebhook.set('production/missed', roleOf('missed'));
  // Right after an eviction, the status of the Deployment still counts the evicted pod.
  await harness.eventually('both pods hold the identity', async () => {
    const held = await holdings('missing', roleOf('missed'));
    return held.length === 2 && held.every((state) => state === 'current');
  });
  await harness.untilReady('missing');
  // The pods were replaced without a new revision of the Deployment.
  expect(await revisionOf('missing')).toBe('1');
}, 90_000);

test("a pod without its identity is not evicted against its disruption budget, and the app's status gives the reason for the wait", async () => {
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
  // The API server evicts a pending pod in spite of a disruption budget.
  await harness.eventually('the pod is ready', async () => {
    const [pod] = (await harness.pods('guarded')) as readonly Pod[];
    return pod?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
  });
  await harness.eventually('the budget counts the pod', async () => {
    const seen = await harness.get(resources.podDisruptionBudgets, 'production', 'strict');
    return (seen?.status as { currentHealthy?: number } | undefined)?.currentHealthy === 1;
  });
  harness.rolesKnownToWebhook.set('production/guarded', roleOf('guarded'));
  await harness.eventually('it is told what it waits for', async () => {
    const message = (await harness.app('guarded')).status?.targets?.[0]?.message;
    return message?.endsWith('the pod is replaced as soon as its PodDisruptionBudget allows the eviction');
  });
  expect((await harness.pods('guarded')).map(({ metadata }) => metadata.uid)).toEqual([missed?.metadata.uid]);
  await harness.client.delete(resources.podDisruptionBudgets, budget);
  // Right after an eviction, the status of the Deployment still counts the evicted pod.
  await harness.eventually('the pod holds the identity', async () => {
    const held = await holdings('guarded', roleOf('guarded'));
    return held.length === 1 && held[0] === 'current';
  });
  await harness.untilReady('guarded');
  expect(await holdings('guarded', roleOf('guarded'))).toEqual(['current']);
}, 90_000);

test('an app whose pods get a sidecar from another webhook rolls out once for a new role, and the operator then replaces no pod', async () => {
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

test('an operator that restarts while an app waits for its account resumes the wait', async () => {
  await harness.createApp('resumed', { serviceAccount: 'later' });
  await harness.untilReason('resumed', 'AccountNotFound');
  await operator.stop();
  await prove('later');
  operator = await harness.startOperator();
  await harness.untilReady('resumed');
  expect(await revisionOf('resumed')).toBe('1');
});
