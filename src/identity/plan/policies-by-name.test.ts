/** Policies that an account lists by name: the planner treats a name and its ARN as the same policy. */
import { describe, expect, it } from 'vitest';
import { createWorld, edit, facts, observe, readOnly, settle } from '../testing/simulated-world.ts';
import { kinds, roleOf } from '../testing/settled-world.ts';
import { planAccount } from './account.ts';

const byName = { policyNames: ['aws/AmazonS3ReadOnlyAccess', 'account/team/payments'] };
const own = 'arn:aws:iam::123456789012:policy/team/payments';

describe('policies listed by name', () => {
  it('are attached by their ARN in the AWS account and partition of the cluster', () => {
    const world = createWorld({ aws: byName });
    settle(world);
    expect(roleOf(world).attachedPolicyArns).toEqual([readOnly, own]);
    expect(world.account.status?.policies).toEqual([
      { arn: readOnly, attached: true },
      { arn: own, attached: true },
    ]);
    const china = { ...createWorld({ aws: byName }), facts: { ...facts, partition: 'aws-cn' } };
    settle(china);
    expect(china.account.status?.policies?.map(({ arn }) => arn)).toEqual([
      'arn:aws-cn:iam::aws:policy/AmazonS3ReadOnlyAccess',
      'arn:aws-cn:iam::123456789012:policy/team/payments',
    ]);
  });

  it('that are also listed by ARN are attached once and have one status entry', () => {
    const world = createWorld({ aws: { policyArns: [readOnly], ...byName } });
    settle(world);
    expect(kinds(world).filter((kind) => kind === 'AttachPolicy')).toHaveLength(2);
    expect(world.account.status?.policies).toHaveLength(2);
  });

  it('cause no step when an edit replaces their ARNs by their names', () => {
    const world = createWorld({ aws: { policyArns: [readOnly, own] } });
    settle(world);
    edit(world, { aws: byName });
    expect(planAccount(observe(world)).steps).toEqual([]);
  });

  it('are compared by ARN with the policies that the ClusterConfig allows', () => {
    const world = { ...createWorld({ aws: byName }), facts: { ...facts, allowedPolicyArns: [own] } };
    settle(world);
    expect(roleOf(world).attachedPolicyArns).toEqual([own]);
    expect(world.account.status?.policies?.[0]).toMatchObject({
      arn: readOnly,
      reason: 'PolicyNotAllowed',
    });
  });
});
