import { describe, expect, test } from 'vitest';
import type { Deployment } from './deployment.ts';
import type { Pod } from './pod.ts';
import { rolloutOf } from './rollout.ts';
import { deployment, pod } from './testing/fixtures.ts';

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
  { name: 'all there', deployment: deployment({ replicas: 2 }), expected: 'Ready Available' },
  { name: 'none wanted, none there', deployment: deployment({ replicas: 0 }), expected: 'Ready Available' },
  {
    name: 'a change that the Deployment controller has not seen',
    deployment: deployment({ generation: 2 }),
    expected: 'Progressing RollingOut',
  },
  {
    name: 'new pods to come',
    deployment: deployment({ replicas: 2, status: { updatedReplicas: 1 } }),
    expected: 'Progressing RollingOut',
    message: /1 of 2 new replicas/,
  },
  {
    name: 'old pods to go',
    deployment: deployment({ replicas: 2, status: { replicas: 3 } }),
    expected: 'Progressing RollingOut',
    message: /1 old replicas/,
  },
  {
    name: 'pods that start',
    deployment: deployment({ replicas: 2, status: behind }),
    pods: [pod({ ready: false, status: waiting('ContainerCreating') })],
    expected: 'Progressing RollingOut',
  },
  {
    name: 'an image that cannot be had',
    deployment: deployment({ replicas: 2, status: behind }),
    pods: [pod(), pod({ name: 'web-2', ready: false, status: waiting('ImagePullBackOff', 'no such tag') })],
    expected: 'Failed ImagePullBackOff',
    message: /pod web-2, container web.*: no such tag/,
  },
  {
    name: 'a program that ends',
    deployment: deployment({ replicas: 2, status: behind }),
    pods: [pod({ ready: false, status: waiting('CrashLoopBackOff') })],
    expected: 'Failed CrashLoopBackOff',
    message: /restarted 2 times/,
  },
  {
    name: 'a failing pod that is going anyway',
    deployment: deployment({ replicas: 2, status: behind }),
    pods: [pod({ ready: false, deleting: true, status: waiting('CrashLoopBackOff') })],
    expected: 'Progressing RollingOut',
  },
  {
    name: 'a failing pod beside all that are wanted',
    deployment: deployment({ replicas: 2 }),
    pods: [pod({ ready: false, status: waiting('CrashLoopBackOff') })],
    expected: 'Ready Available',
  },
  {
    name: 'no room',
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
    name: 'no quota',
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
    name: 'no progress for too long',
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

describe('rolloutOf', () => {
  test.each(cases)('$name → $expected', ({ deployment, pods = [], expected, message }) => {
    const rollout = rolloutOf(deployment, pods);
    expect(`${rollout.state} ${rollout.reason}`).toBe(expected);
    if (message) expect(rollout.message).toMatch(message);
  });
});
