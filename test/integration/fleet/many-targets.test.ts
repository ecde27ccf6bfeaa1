/**
 * An account with more targets than one trust policy can contain: it gets further roles, each target keeps its role,
 * and removing targets frees space. The test uses 120 namespaces, or 500 with `KON_SOAK=1`.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  apiVersion,
  linkedServiceAccounts,
  roleArnAnnotation,
  type LinkedServiceAccount,
} from '../../../src/api/index.ts';
import { findCondition } from '../../../src/k8s/conditions.ts';
import { roleNameOf } from '../../../src/identity/index.ts';
import { resources, type KubeObject } from '../../../src/kube/index.ts';
import { injectedEnv, injectedMount, injectedVolume } from '../../../src/workloads/testing/injected.ts';
import { eventually } from '../../support/eventually.ts';
import { rolePath, startFleetWorld, type FleetWorld } from './world.ts';

const count = process.env['KON_SOAK'] === '1' ? 500 : 120;
const targets = Array.from({ length: count }, (_, index) => `namespace-${String(index).padStart(3, '0')}`);
/** IAM's default quota for the characters of a trust policy. White space is not counted. */
const trustQuota = 2048;

let world: FleetWorld;
beforeAll(async () => {
  world = await startFleetWorld({ targets, driftIntervalSeconds: 60, roleQuota: 1_000, faults: {} });
  await world.startOperator();
});
afterAll(async () => {
  await world?.stop();
});

it(
  'an account serves all targets, moves no target to another role, and reuses space that is freed in trust policies',
  { timeout: 300_000 },
  async () => {
    await world.client.create<LinkedServiceAccount>(linkedServiceAccounts, {
      apiVersion,
      kind: 'LinkedServiceAccount',
      metadata: { name: 'everywhere' },
      spec: {
        aws: { policyArns: ['arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess'] },
        targets,
        deletionPolicy: 'Delete',
      },
    });
    const started = Date.now();
    await untilReady(1, targets.length);
    console.log(`${count} targets proven after ${((Date.now() - started) / 1000).toFixed(1)} s`);
    const served = subjectsByRole();
    expect([...served.values()].flat().toSorted()).toEqual(targets.map(subjectOf));
    expect(served.size).toBeGreaterThan(2);
    const links = await linksByTarget();
    for (const [target, { roleArn }] of links)
      expect(served.get(roleNameOf(roleArn))).toContain(subjectOf(target));

    // A running pod uses the role of a target that is not removed.
    const stays = targets[7] ?? '';
    await world.client.create(resources.pods, podOf(stays, links.get(stays)?.roleArn ?? ''));
    const leaving = targets.filter((_, index) => index % 5 === 0);
    const staying = targets.filter((_, index) => index % 5 !== 0);
    await edit(staying);
    await untilReady(2, staying.length);
    // The ServiceAccounts of the remaining targets keep their role and resourceVersion, so nothing is restarted.
    const after = await linksByTarget();
    expect(after).toEqual(new Map([...links].filter(([target]) => !leaving.includes(target))));
    expect([...subjectsByRole().values()].flat().toSorted()).toEqual(staying.map(subjectOf));
    // The operator learns of the pod from its watch of pods, so the pod counts can appear later than the new state of
    // the targets.
    const podsOf = async (): Promise<unknown> =>
      (await read()).status?.targets?.find(({ name }) => name === stays)?.pods;
    await expect.poll(podsOf).toEqual({ current: 1, stale: 0, uninjected: 0 });

    // Targets that are added back fit into the existing roles.
    const back = leaving.slice(0, Math.floor(leaving.length / 2));
    await edit([...staying, ...back].toSorted());
    await untilReady(3, staying.length + back.length);
    expect(subjectsByRole().size).toBeLessThanOrEqual(served.size);
    const last = await linksByTarget();
    for (const target of staying) expect(last.get(target)).toEqual(links.get(target));

    await world.client.delete(resources.pods, { namespace: stays, name: 'pod' });
    await world.client.delete(linkedServiceAccounts, { name: 'everywhere' });
    await eventually('the account and its roles are gone', async () => {
      const { items } = await world.client.list(linkedServiceAccounts);
      return items.length === 0 && subjectsByRole().size === 0 ? true : undefined;
    });
    expect((await linksByTarget()).size).toBe(0);
  },
);

const subjectOf = (target: string): string => `system:serviceaccount:${target}:everywhere`;

async function read(): Promise<LinkedServiceAccount> {
  return world.client.get<LinkedServiceAccount>(linkedServiceAccounts, { name: 'everywhere' });
}

async function edit(to: readonly string[]): Promise<void> {
  await world.client.patch(
    linkedServiceAccounts,
    { name: 'everywhere' },
    { spec: { targets: to } },
    { type: 'merge' },
  );
}

async function untilReady(generation: number, proven: number): Promise<void> {
  for (;;) {
    const { status } = await read();
    const isReady = findCondition(status?.conditions, 'Ready')?.status === 'True';
    if (isReady && status?.observedGeneration === generation) {
      expect(status.targets?.filter((row) => row.proven)).toHaveLength(proven);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Returns the subjects in the trust policies of Konstellation's roles, by role name. */
function subjectsByRole(): ReadonlyMap<string, readonly string[]> {
  const roles = [...world.aws.state.roles()].map(([, role]) => role).filter(({ path }) => path === rolePath);
  return new Map(
    roles.map(({ name, trust }) => {
      expect(trust.text.length).toBeLessThanOrEqual(trustQuota);
      const { Statement: statements } = JSON.parse(trust.text) as {
        Statement: { Effect: string; Condition?: { StringEquals: Record<string, string | string[]> } }[];
      };
      const allowing = statements.filter(({ Effect: effect }) => effect === 'Allow');
      const subjects = allowing.flatMap(({ Condition: condition }) =>
        Object.entries(condition?.StringEquals ?? {})
          .filter(([key]) => key.endsWith(':sub'))
          .flatMap(([, value]) => value),
      );
      return [name, subjects];
    }),
  );
}

async function linksByTarget(): Promise<ReadonlyMap<string, { roleArn: string; resourceVersion: string }>> {
  const { items } = await world.client.list<KubeObject>(resources.serviceAccounts);
  return new Map(
    items
      .filter(({ metadata }) => metadata.name === 'everywhere')
      .map(({ metadata: { namespace = '', annotations = {}, resourceVersion = '' } }) => [
        namespace,
        { roleArn: annotations[roleArnAnnotation] ?? '', resourceVersion },
      ]),
  );
}

/** Returns a pod with the fields that the webhook adds. */
function podOf(namespace: string, roleArn: string): KubeObject & Record<string, unknown> {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name: 'pod' },
    spec: {
      serviceAccountName: 'everywhere',
      containers: [
        {
          name: 'app',
          image: 'example.com/app:1',
          env: injectedEnv(roleArn),
          volumeMounts: [injectedMount],
        },
      ],
      volumes: [injectedVolume],
    },
  };
}
