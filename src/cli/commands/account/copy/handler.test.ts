import { expect, it } from 'vitest';
import { createWorld, facts, readOnly } from '../../../../identity/testing/simulated-world.ts';
import { copyOf } from './handler.ts';

it('the copy of an account is adapted to the other cluster, and comes with a note for each field that cannot be copied', () => {
  const own = 'arn:aws:iam::123456789012:policy/own';
  const foreign = 'arn:aws:iam::999999999999:policy/foreign';
  const { account } = createWorld({
    targets: ['production', 'nowhere'],
    aws: { policyArns: [readOnly, own, foreign], roleName: 'special', adopt: true },
  });
  const china = { ...facts, name: 'cn', partition: 'aws-cn', accountId: '210987654321' };
  const { manifest, notes } = copyOf(account, 'renamed', { here: facts, there: china });
  expect(manifest).toEqual({
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'LinkedServiceAccount',
    metadata: { name: 'renamed' },
    spec: {
      targets: ['production', 'nowhere'],
      aws: { policyArns: [foreign], policyNames: ['aws/AmazonS3ReadOnlyAccess', 'account/own'] },
      deletionPolicy: 'Delete',
    },
  });
  expect(notes).toEqual([
    'The role special stays with the original account; the copy gets its own role.',
    `Cluster cn cannot attach ${foreign}, because the policy belongs to another AWS account.`,
    'account/own: cluster cn attaches the policies of AWS account 210987654321 that have these names.',
    'Cluster cn has no target nowhere; its targets: production, staging',
  ]);
});

it('the copy for a cluster in the same AWS account lists policies by name, and causes no note to the user', () => {
  const { account } = createWorld({
    aws: { policyArns: ['arn:aws:iam::123456789012:policy/team/own'], policyNames: ['aws/ReadOnlyAccess'] },
  });
  const { manifest, notes } = copyOf(account, 'copy', { here: facts, there: { ...facts, name: 'second' } });
  expect(manifest).toMatchObject({
    spec: { aws: { policyNames: ['account/team/own', 'aws/ReadOnlyAccess'] } },
  });
  expect(notes).toEqual([]);
});
