import { expect, it } from 'vitest';
import { createWorld, facts, readOnly } from '../../../../identity/testing/simulated-world.ts';
import { copyOf } from './handler.ts';

it('adapts an account to another cluster, and reports the fields that cannot be copied', () => {
  const own = 'arn:aws:iam::123456789012:policy/own';
  const { account } = createWorld({
    targets: ['production', 'nowhere'],
    aws: { policyArns: [readOnly, own], roleName: 'special', adopt: true },
  });
  const china = { ...facts, name: 'cn', partition: 'aws-cn', accountId: '210987654321' };
  const { manifest, notes } = copyOf(account, 'renamed', china);
  expect(manifest).toEqual({
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'LinkedServiceAccount',
    metadata: { name: 'renamed' },
    spec: {
      targets: ['production', 'nowhere'],
      aws: { policyArns: ['arn:aws-cn:iam::aws:policy/AmazonS3ReadOnlyAccess', own] },
      deletionPolicy: 'Delete',
    },
  });
  expect(notes).toEqual([
    'The role special stays with its account; the copy gets its own role.',
    'Cluster cn has no target nowhere; its targets: production, staging',
    `${own} belongs to another AWS account than cluster cn, which cannot attach it.`,
  ]);
});
