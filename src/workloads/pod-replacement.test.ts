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
  { name: 'nothing was missed', input: { deployment: settled, identity, pods: [good] } },
  { name: 'no identity is wanted', input: { deployment: settled, identity: undefined, pods: [missed] } },
  { name: 'no Deployment', input: { deployment: undefined, identity, pods: [missed] } },
  {
    name: 'a pod without identity',
    input: { deployment: settled, identity, pods: [good, missed] },
    replaced: 'missed',
  },
  {
    name: 'a pod with the previous role from the current template',
    input: { deployment: settled, identity, pods: [good, pod({ name: 'old', mark, holds: otherRoleArn })] },
    replaced: 'old',
  },
  {
    name: 'a pod of the previous template is left to the rollout',
    input: { deployment: settled, identity, pods: [pod({ mark: identityOf(otherRoleArn).mark }), pod()] },
  },
  {
    name: 'the template does not have the identity yet',
    input: { deployment: deployment({ mark: 'another' }), identity, pods: [missed] },
  },
  {
    name: 'a pod that is not ready is replaced first',
    input: { deployment: settled, identity, pods: [missed, missedUnready] },
    replaced: 'unready',
  },
  {
    name: 'the oldest ready pod is replaced first',
    input: {
      deployment: settled,
      identity,
      pods: [missed, pod({ name: 'older', mark, created: '2026-11-23T08:00:00Z' })],
    },
    replaced: 'older',
  },
  {
    name: 'a ready pod waits for the rollout',
    input: { deployment: rolling, identity, pods: [good, missed] },
  },
  {
    name: 'a pod that is not ready may block the rollout, so it is replaced',
    input: { deployment: rolling, identity, pods: [good, missedUnready] },
    replaced: 'unready',
  },
  {
    name: 'a ready pod waits until the others are ready',
    input: { deployment: settled, identity, pods: [missed, pod({ mark, holds: roleArn, ready: false })] },
  },
  {
    name: 'one at a time',
    input: { deployment: settled, identity, pods: [missed, pod({ mark, deleting: true })] },
  },
];

describe('podToReplace', () => {
  test.each(cases)('$name', ({ input, replaced }) => {
    expect(choose(input).map((step) => step.pod.metadata.name)).toEqual(
      replaced === undefined ? [] : [replaced],
    );
  });

  test('no pod younger than five seconds is evicted, so that creation and eviction cannot become a fast loop', () => {
    const [step] = choose({ deployment: settled, identity, pods: [missed] });
    expect(step?.notBefore).toBe(Date.parse('2026-11-24T08:00:05Z'));
  });
});
