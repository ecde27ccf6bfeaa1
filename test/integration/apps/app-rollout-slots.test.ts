/**
 * Apps that share an account switch to a new identity one target at a time, and stop if one target does not become
 * healthy.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resources, type KubeObject } from '../../../src/kube/index.ts';
import { startHarness, type Harness } from './harness.ts';

const names = ['first', 'second', 'third'];
const targets = ['production', 'staging'];
const account = 'shared';
const roleOf = (version: number): string => `arn:aws:iam::111122223333:role/konstellation/shared-${version}`;

let harness: Harness;
let operator: { stop(): Promise<void> };

beforeAll(async () => {
  harness = await startHarness();
  operator = await harness.startOperator();
  await prove(1);
  for (const name of names)
    await harness.createApp(name, {
      serviceAccount: account,
      targets: targets.map((target) => ({ name: target, deployMode: 'latest' })),
    });
  for (const name of names) await harness.untilReady(name);
});
afterAll(async () => {
  await operator?.stop();
  await harness?.stop();
});

async function prove(version: number): Promise<void> {
  const roleArn = roleOf(version);
  for (const target of targets) harness.rolesKnownToWebhook.set(`${target}/${account}`, roleArn);
  await harness.putAccount(
    account,
    targets.map((name) => ({ name, roleArn })),
  );
}

/** Returns the identity annotations of all Deployments, by `target/app`. */
async function marks(): Promise<ReadonlyMap<string, string>> {
  const { items } = await harness.client.list<
    KubeObject & { spec: { template: { metadata: { annotations?: Record<string, string> } } } }
  >(resources.deployments);
  return new Map(
    items.map(({ metadata, spec }) => [
      `${metadata.namespace}/${metadata.name}`,
      spec.template.metadata.annotations?.['k11n.dev/identity']?.split(' ')[0] ?? '',
    ]),
  );
}

async function revisions(): Promise<readonly string[]> {
  const { items } = await harness.client.list(resources.deployments);
  return items.map(({ metadata }) => metadata.annotations?.['deployment.kubernetes.io/revision'] ?? '');
}

test('a new role is rolled out once to each app in each target, one target after the other', async () => {
  const order: string[] = [];
  const end = new AbortController();
  const { resourceVersion } = await harness.client.list(resources.deployments);
  const watching = (async () => {
    for await (const event of harness.client.watch<KubeObject>(resources.deployments, {
      resourceVersion,
      signal: end.signal,
    })) {
      if (event.type !== 'MODIFIED') continue;
      const { namespace, name } = event.object.metadata;
      const mark = JSON.stringify(event.object).includes(`${roleOf(2)} for`);
      if (mark && !order.includes(`${namespace}/${name}`)) order.push(`${namespace}/${name}`);
    }
  })().catch((error: unknown) => {
    if (!end.signal.aborted) throw error;
  });
  await prove(2);
  for (const name of names) await harness.untilReady(name);
  await harness.eventually('all have it', async () =>
    [...(await marks()).values()].every((role) => role === roleOf(2)),
  );
  for (const name of names) await harness.untilReady(name);
  await harness.eventually('the watch has seen them', async () => order.length === 6);
  end.abort();
  await watching;
  expect(order).toEqual(targets.flatMap((target) => names.map((name) => `${target}/${name}`)));
  expect(await revisions()).toEqual(Array.from({ length: 6 }, () => '2'));
});

test('an app that does not become healthy pauses the rollouts of the other apps, which report the pause and continue once the first app is repaired', async () => {
  harness.brokenImages.set('example.com/web', 'missing');
  await prove(3);
  await harness.untilReason('first', 'ImagePullBackOff');
  for (const name of ['second', 'third']) {
    const { status } = await harness.untilReason(name, 'PausedByFailedRollout');
    for (const row of status?.targets ?? [])
      expect(row).toMatchObject({
        state: 'WaitingForIdentity',
        message: expect.stringContaining('app first in production') as string,
      });
  }
  const paused = await marks();
  expect([...paused].filter(([, role]) => role === roleOf(3)).map(([key]) => key)).toEqual([
    'production/first',
  ]);

  // The operator does not store the pause of the rollouts: after a restart, it derives the pause from the same objects.
  await operator.stop();
  operator = await harness.startOperator();
  await harness.createApp('witness', {});
  await harness.untilReason('witness', 'ImagePullBackOff');
  expect(await marks()).toEqual(new Map([...paused, ['production/witness', '']]));

  harness.brokenImages.clear();
  await harness.editApp('first', { spec: { imageTag: 'mended' } });
  for (const name of names) await harness.untilReady(name);
  await harness.eventually('all have it', async () => {
    const seen = await marks();
    return targets.every((target) => names.every((name) => seen.get(`${target}/${name}`) === roleOf(3)));
  });
  for (const name of names) await harness.untilReady(name);
});
