import { describe, expect, test } from 'vitest';
import {
  isLabelledWorkload,
  isPodOf,
  planWorkload,
  workloadMember,
  type Workload,
  type WorkloadObservation,
} from './labelled-workload.ts';
import type { Pod } from './pod.ts';
import { account, identityOf, otherRoleArn, pod, roleArn, row } from './testing/fixtures.ts';
import type { Wall } from '../k8s/time.ts';

const { mark } = identityOf();
const proven = account([row('production')]);

function workload(kind: string, fields: Partial<Workload['spec'] & object> = {}, marked?: string): Workload {
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name: 'db', namespace: 'production', uid: 'uid-of-db', generation: 1 },
    spec: {
      replicas: 1,
      template: {
        ...(marked === undefined ? {} : { metadata: { annotations: { 'k11n.dev/identity': marked } } }),
        spec: { serviceAccountName: 'payments', containers: [{ name: 'db', image: 'example.com/db' }] },
      },
      ...fields,
    },
    status: {
      observedGeneration: 1,
      replicas: 1,
      updatedReplicas: 1,
      readyReplicas: 1,
      availableReplicas: 1,
      desiredNumberScheduled: 1,
      updatedNumberScheduled: 1,
      numberAvailable: 1,
      currentRevision: 'db-1',
      updateRevision: 'db-1',
    },
  };
}

function seen(fields: Partial<WorkloadObservation> = {}): WorkloadObservation {
  return {
    workload: workload('StatefulSet'),
    account: proven,
    pods: [pod({ name: 'db-0', serviceAccount: 'payments', holds: otherRoleArn })],
    now: 0 as Wall,
    ...fields,
  };
}

const reported = (observation: WorkloadObservation, hasSlot = true): readonly string[] =>
  planWorkload(observation, hasSlot).map(({ kind }) => kind);

describe('planWorkload', () => {
  const uninjected = [pod({ name: 'db-0', serviceAccount: 'payments' })];
  const current = [pod({ name: 'db-0', serviceAccount: 'payments', holds: roleArn })];
  const missedWithMark = [pod({ name: 'db-0', serviceAccount: 'payments', mark })];

  test.each<{ name: string; observation: WorkloadObservation; steps: readonly string[] }>([
    {
      name: 'restarts a workload whose pods have an older identity',
      observation: seen(),
      steps: ['restart'],
    },
    {
      name: 'restarts a workload whose pods have no identity',
      observation: seen({ pods: uninjected }),
      steps: ['restart'],
    },
    {
      name: 'plans no step if the pods already hold the identity',
      observation: seen({ pods: current }),
      steps: [],
    },
    { name: 'plans no step for a workload without pods', observation: seen({ pods: [] }), steps: [] },
    {
      name: 'plans no step if the account does not exist',
      observation: seen({ account: undefined }),
      steps: [],
    },
    {
      name: 'plans no step if the account is not proven in the target',
      observation: seen({ account: account([row('production', { proven: false })]) }),
      steps: [],
    },
    {
      name: 'replaces a pod that the webhook missed, without a second restart, if the template has the identity mark',
      observation: seen({ workload: workload('StatefulSet', {}, mark), pods: missedWithMark }),
      steps: ['replacePod'],
    },
    {
      name: 'plans no step while a pod of the previous template runs, if the template has the identity mark',
      observation: seen({ workload: workload('StatefulSet', {}, mark) }),
      steps: [],
    },
    {
      name: 'plans no step for a workload with the update strategy OnDelete',
      observation: seen({ workload: workload('DaemonSet', { updateStrategy: { type: 'OnDelete' } }) }),
      steps: [],
    },
    {
      name: 'plans no step for a paused Deployment',
      observation: seen({ workload: workload('Deployment', { paused: true }) }),
      steps: [],
    },
  ])('$name', ({ observation, steps }) => {
    expect(reported(observation)).toEqual(steps);
  });

  test('does not restart a workload that does not have the rollout slot', () => {
    expect(reported(seen(), false)).toEqual([]);
  });
});

describe('workloadMember', () => {
  const status = (fields: Partial<NonNullable<Workload['status']>>, kind = 'StatefulSet'): Workload => {
    const made = workload(kind, {}, mark);
    return { ...made, status: { ...made.status, ...fields } };
  };
  const held = [pod({ name: 'db-0', serviceAccount: 'payments', mark, holds: roleArn })];
  const state = (of: Workload, pods: readonly Pod[] = held): string =>
    workloadMember(seen({ workload: of, pods }), 0).state;

  test.each<{ name: string; of: Workload; pods?: readonly Pod[]; expected: string }>([
    { name: 'a StatefulSet whose pods hold the identity and are ready', of: status({}), expected: 'steady' },
    {
      name: 'a StatefulSet whose controller has not observed the change yet',
      of: status({ observedGeneration: 0 }),
      expected: 'rolling',
    },
    {
      name: 'a StatefulSet with pods of the previous revision',
      of: status({ updateRevision: 'db-2', updatedReplicas: 0 }),
      expected: 'rolling',
    },
    {
      name: 'a StatefulSet with pods that are not ready',
      of: status({ readyReplicas: 0 }),
      expected: 'rolling',
    },
    {
      name: 'a DaemonSet with pods of the previous revision',
      of: status({ updatedNumberScheduled: 0 }, 'DaemonSet'),
      expected: 'rolling',
    },
    {
      name: 'a DaemonSet with pods that are not available',
      of: status({ numberAvailable: 0 }, 'DaemonSet'),
      expected: 'rolling',
    },
    {
      name: 'a StatefulSet with a pod that the webhook missed',
      of: status({}),
      pods: [pod({ name: 'db-0', mark })],
      expected: 'rolling',
    },
    {
      name: 'a StatefulSet with a pod whose image cannot be pulled',
      of: status({ readyReplicas: 0 }),
      pods: [
        pod({
          name: 'db-0',
          mark,
          holds: roleArn,
          ready: false,
          status: {
            phase: 'Pending',
            containerStatuses: [{ name: 'db', state: { waiting: { reason: 'ImagePullBackOff' } } }],
          },
        }),
      ],
      expected: 'failed',
    },
  ])('state of $name → $expected', ({ of, pods, expected }) => {
    expect(state(of, pods)).toBe(expected);
  });

  test('does not count pods with an ordinal below the update partition of a StatefulSet as missing', () => {
    const made = status({ updateRevision: 'db-2', updatedReplicas: 1, readyReplicas: 3 });
    const spec = { ...made.spec, replicas: 3, updateStrategy: { rollingUpdate: { partition: 2 } } };
    expect(state({ ...made, spec })).toBe('steady');
  });
});

describe('isPodOf', () => {
  const owned = (kind: string, name: string, uid: string, hash?: string): Pod => {
    const made = pod();
    return {
      ...made,
      metadata: {
        ...made.metadata,
        ...(hash === undefined ? {} : { labels: { 'pod-template-hash': hash } }),
        ownerReferences: [{ apiVersion: 'apps/v1', kind, name, uid, controller: true }],
      },
    };
  };

  test.each<{ name: string; of: Workload; pod: Pod; expected: boolean }>([
    {
      name: 'a StatefulSet and its pod',
      of: workload('StatefulSet'),
      pod: owned('StatefulSet', 'db', 'uid-of-db'),
      expected: true,
    },
    {
      name: 'a StatefulSet and a pod of an earlier StatefulSet of the same name',
      of: workload('StatefulSet'),
      pod: owned('StatefulSet', 'db', 'other'),
      expected: false,
    },
    {
      name: 'a Deployment and its pod',
      of: workload('Deployment'),
      pod: owned('ReplicaSet', 'db-5f4', 'rs', '5f4'),
      expected: true,
    },
    {
      name: 'a Deployment and a pod of a Deployment with a longer name',
      of: workload('Deployment'),
      pod: owned('ReplicaSet', 'db-main-5f4', 'rs', '5f4'),
      expected: false,
    },
    {
      name: 'a Deployment and a pod of a ReplicaSet that no Deployment owns',
      of: workload('Deployment'),
      pod: owned('ReplicaSet', 'db-x', 'rs'),
      expected: false,
    },
    {
      name: 'a Deployment and a pod without an owner',
      of: workload('Deployment'),
      pod: pod(),
      expected: false,
    },
  ])('$name → $expected', ({ of, pod: made, expected }) => {
    expect(isPodOf(of, made)).toBe(expected);
  });
});

test('the Deployment of an App is not a labelled workload, even if a user adds the restart label', () => {
  const made = workload('Deployment');
  const labels = { 'k11n.dev/app': 'web', 'k11n.dev/restart-on-identity-change': 'true' };
  expect(isLabelledWorkload({ ...made, metadata: { ...made.metadata, labels } })).toBe(false);
});
