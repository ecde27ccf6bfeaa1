import { describe, expect, test } from 'vitest';
import type { Deployment } from './deployment.ts';
import { isRolledOut, podToReplace, type ReplacementInput } from './pod-replacement.ts';
import { deployment, identityOf, otherRoleArn, pod, roleArn } from './testing/fixtures.ts';

const identity = identityOf();
const { mark } = identity;
const settled = deployment({ replicas: 2, mark });
const rolling = deployment({ replicas: 2, mark, status: { replicas: 3, updatedReplicas: 1 } });
const good = pod({ name: 'good', mark, holds: roleArn });
const missed = pod({ name: 'missed', mark });
const missedUnready = pod({ name: 'unready', mark, ready: false });

type Input = Omit<ReplacementInput, 'deployment' | 'isRolledOut'> & {
  readonly deployment: Deployment | undefined;
};
const choose = (input: Input): ReturnType<typeof podToReplace> =>
  podToReplace({ ...input, isRolledOut: input.deployment !== undefined && isRolledOut(input.deployment) });

const cases: readonly { name: string; input: Input; replaced?: string }[] = [
  {
    name: 'replaces no pod if the webhook missed none',
    input: { deployment: settled, identity, pods: [good] },
  },
  {
    name: 'replaces no pod if no identity is wanted',
    input: { deployment: settled, identity: undefined, pods: [missed] },
  },
  {
    name: 'replaces no pod without a Deployment',
    input: { deployment: undefined, identity, pods: [missed] },
  },
  {
    name: 'replaces a pod without an identity',
    input: { deployment: settled, identity, pods: [good, missed] },
    replaced: 'missed',
  },
  {
    name: 'replaces a pod of the current template that holds the previous role',
    input: { deployment: settled, identity, pods: [good, pod({ name: 'old', mark, holds: otherRoleArn })] },
    replaced: 'old',
  },
  {
    name: 'leaves a pod of the previous template to the rollout',
    input: { deployment: settled, identity, pods: [pod({ mark: identityOf(otherRoleArn).mark }), pod()] },
  },
  {
    name: 'replaces no pod while the template does not have the identity',
    input: { deployment: deployment({ mark: 'another' }), identity, pods: [missed] },
  },
  {
    name: 'replaces a pod that is not ready before a ready pod',
    input: { deployment: settled, identity, pods: [missed, missedUnready] },
    replaced: 'unready',
  },
  {
    name: 'replaces the oldest of several ready pods',
    input: {
      deployment: settled,
      identity,
      pods: [missed, pod({ name: 'older', mark, created: '2026-11-23T08:00:00Z' })],
    },
    replaced: 'older',
  },
  {
    name: 'replaces no ready pod during a rollout',
    input: { deployment: rolling, identity, pods: [good, missed] },
  },
  {
    name: 'replaces a pod that is not ready during a rollout, because it may block the rollout',
    input: { deployment: rolling, identity, pods: [good, missedUnready] },
    replaced: 'unready',
  },
  {
    name: 'replaces no ready pod until the other pods are ready',
    input: { deployment: settled, identity, pods: [missed, pod({ mark, holds: roleArn, ready: false })] },
  },
  {
    name: 'replaces no pod while another missed pod terminates',
    input: { deployment: settled, identity, pods: [missed, pod({ mark, deleting: true })] },
  },
];

describe('podToReplace', () => {
  test.each(cases)('$name', ({ input, replaced }) => {
    expect(choose(input).map((step) => step.pod.metadata.name)).toEqual(
      replaced === undefined ? [] : [replaced],
    );
  });

  test('evicts no pod younger than five seconds, to prevent a fast loop of creations and evictions', () => {
    const [step] = choose({ deployment: settled, identity, pods: [missed] });
    expect(step?.notBefore).toBe(Date.parse('2026-11-24T08:00:05Z'));
  });
});
