import { describe, expect, test } from 'vitest';
import type { Deployment } from './deployment.ts';
import { recoveredAt } from './pod-failure.ts';
import { trimPod, type Pod } from './pod.ts';
import { rolloutOf } from './rollout.ts';
import { deployment, pod } from './testing/fixtures.ts';
import type { Wall } from '../k8s/time.ts';

const waiting = (reason: string, message?: string): Pod['status'] => ({
  phase: 'Pending',
  containerStatuses: [
    { name: 'web', restartCount: 2, state: { waiting: { reason, ...(message ? { message } : {}) } } },
  ],
});

type Case = {
  readonly name: string;
  readonly deployment: Deployment;
  readonly pods?: readonly Pod[];
  readonly expected: string;
  readonly message?: RegExp;
};

const behind = { updatedReplicas: 2, availableReplicas: 1, replicas: 2 };

const cases: readonly Case[] = [
  {
    name: 'all replicas are available',
    deployment: deployment({ replicas: 2 }),
    expected: 'Ready Available',
  },
  {
    name: 'no replicas are wanted, and none exist',
    deployment: deployment({ replicas: 0 }),
    expected: 'Ready Available',
  },
  {
    name: 'the Deployment controller has not observed the change',
    deployment: deployment({ generation: 2 }),
    expected: 'Progressing RollingOut',
  },
  {
    name: 'new pods are missing',
    deployment: deployment({ replicas: 2, status: { updatedReplicas: 1 } }),
    expected: 'Progressing RollingOut',
    message: /1 of 2 new replicas/,
  },
  {
    name: 'old pods still run',
    deployment: deployment({ replicas: 2, status: { replicas: 3 } }),
    expected: 'Progressing RollingOut',
    message: /1 old replicas/,
  },
  {
    name: 'new pods are starting',
    deployment: deployment({ replicas: 2, status: behind }),
    pods: [pod({ ready: false, status: waiting('ContainerCreating') })],
    expected: 'Progressing RollingOut',
  },
  {
    name: "a new pod's image cannot be pulled",
    deployment: deployment({ replicas: 2, status: behind }),
    pods: [pod(), pod({ name: 'web-2', ready: false, status: waiting('ImagePullBackOff', 'no such tag') })],
    expected: 'Failed ImagePullBackOff',
    message: /pod web-2, container web.*: no such tag/,
  },
  {
    name: "a new pod's container ends repeatedly",
    deployment: deployment({ replicas: 2, status: behind }),
    pods: [pod({ ready: false, status: waiting('CrashLoopBackOff') })],
    expected: 'Failed CrashLoopBackOff',
    message: /restarted 2 times/,
  },
  {
    name: 'a failing pod is being deleted',
    deployment: deployment({ replicas: 2, status: behind }),
    pods: [pod({ ready: false, deleting: true, status: waiting('CrashLoopBackOff') })],
    expected: 'Progressing RollingOut',
  },
  {
    name: 'a pod fails that the Deployment still counts as available',
    deployment: deployment({ replicas: 2 }),
    pods: [pod({ ready: false, status: waiting('CrashLoopBackOff') })],
    expected: 'Failed CrashLoopBackOff',
  },
  {
    name: 'a new pod cannot be scheduled',
    deployment: deployment({ replicas: 2, status: behind }),
    pods: [
      pod({
        ready: false,
        status: {
          phase: 'Pending',
          conditions: [
            { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes' },
          ],
        },
      }),
    ],
    expected: 'Failed Unschedulable',
    message: /0\/1 nodes/,
  },
  {
    name: 'a quota prevents new pods',
    deployment: deployment({
      replicas: 2,
      status: {
        ...behind,
        conditions: [
          { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'exceeded quota' },
        ],
      },
    }),
    expected: 'Failed FailedCreate',
    message: /exceeded quota/,
  },
  {
    name: 'the progress deadline was exceeded',
    deployment: deployment({
      replicas: 2,
      status: {
        ...behind,
        conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }],
      },
    }),
    expected: 'Failed ProgressDeadlineExceeded',
  },
];

const now = Date.parse('2026-11-24T12:00:00Z');
const secondsAgo = (seconds: number): string => new Date(now - seconds * 1000).toISOString();

describe('a container that ends repeatedly', () => {
  const lastState = {
    terminated: { reason: 'Error', exitCode: 3, startedAt: secondsAgo(20), finishedAt: secondsAgo(18) },
  };
  const reported = (
    fields: NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number],
    ready: boolean,
  ): string => {
    const status = { phase: 'Running', containerStatuses: [fields] };
    const seen = pod({
      ready,
      status: { ...status, conditions: [{ type: 'Ready', status: String(ready) }] },
    });
    const of = deployment({ status: { availableReplicas: ready ? 1 : 0 } });
    const { state, message } = rolloutOf(of, [trimPod(seen)], now as Wall);
    return `${state}: ${message}`;
  };
  const running = { running: { startedAt: secondsAgo(5) } };

  test('has the same message while it runs, is terminated or waits', () => {
    const expected =
      'Failed: pod web-1, container web, restarted 2 times: the container ended with Error (exit code 3)';
    const common = { name: 'web', restartCount: 2, lastState };
    expect(reported({ ...common, state: running }, true)).toBe(expected);
    expect(reported({ ...common, state: running }, false)).toBe(expected);
    expect(reported({ ...common, state: { terminated: lastState.terminated } }, false)).toBe(expected);
    const message = 'back-off 20s restarting failed container=web';
    expect(reported({ ...common, state: { waiting: { reason: 'CrashLoopBackOff', message } } }, false)).toBe(
      expected,
    );
  });

  test('counts as recovered after it has run for a while', () => {
    const state = { running: { startedAt: secondsAgo(31) } };
    expect(reported({ name: 'web', restartCount: 2, state, lastState }, true)).toMatch(/^Ready: /);
  });

  test('is not in a crash loop if it ran for a long time before it ended', () => {
    const terminated = { ...lastState.terminated, startedAt: secondsAgo(3600) };
    expect(
      reported({ name: 'web', restartCount: 2, state: running, lastState: { terminated } }, true),
    ).toMatch(/^Ready: /);
  });

  test('is observed again at the time when it would count as recovered', () => {
    const status = { containerStatuses: [{ name: 'web', restartCount: 1, state: running, lastState }] };
    expect(recoveredAt([pod(), pod({ status })], now as Wall)).toBe(now + 25_000);
    expect(recoveredAt([pod()], now as Wall)).toBeUndefined();
  });
});

describe('rolloutOf', () => {
  test.each(cases)('$name → $expected', ({ deployment, pods = [], expected, message }) => {
    const rollout = rolloutOf(deployment, pods, now as Wall);
    expect(`${rollout.state} ${rollout.reason}`).toBe(expected);
    if (message) expect(rollout.message).toMatch(message);
  });
});
