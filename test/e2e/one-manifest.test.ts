/** The same manifest in sandboxes with different AWS accounts and partitions. */
import { CreatePolicyCommand } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startSandbox, type TestSandbox } from '../support/sandbox.ts';
import { createPerson } from '../support/person.ts';
import { roleNameOf } from '../support/emulator.ts';

const manifest = `apiVersion: k11n.dev/v1alpha1
kind: LinkedServiceAccount
metadata:
  name: payments
spec:
  targets: [production]
  aws:
    policyNames: [aws/AmazonS3ReadOnlyAccess, account/team/payments]
`;

const policyDocument = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }],
});

const places = [
  { accountId: '111111111111', region: 'us-west-2', partition: 'aws' },
  { accountId: '222222222222', region: 'eu-central-1', partition: 'aws' },
  { accountId: '333333333333', region: 'cn-north-1', partition: 'aws-cn' },
] as const;

const sandboxes: TestSandbox[] = [];
beforeAll(async () => {
  for (const { accountId, region } of places) sandboxes.push(await startSandbox({ accountId, region }));
}, 120_000);
afterAll(async () => {
  await Promise.all(sandboxes.map((sandbox) => sandbox.stop()));
});

test('G12: the same manifest works in each AWS account and partition, and attaches the policies of that AWS account', async () => {
  for (const [index, { accountId, partition }] of places.entries()) {
    const sandbox = sandboxes[index];
    if (!sandbox) throw new Error(`the sandbox of ${accountId} is missing`);
    await sandbox.aws.iam.send(
      new CreatePolicyCommand({ PolicyName: 'payments', Path: '/team/', PolicyDocument: policyDocument }),
    );
    expect(await sandbox.kon(['apply', '-f', '-'], { input: manifest })).toMatchObject({ code: 0 });
    const { status } = await createPerson(sandbox.client).untilReady('payments');
    const role = await sandbox.aws.role(roleNameOf(status?.roleArn ?? ''));
    const arns = [
      `arn:${partition}:iam::aws:policy/AmazonS3ReadOnlyAccess`,
      `arn:${partition}:iam::${accountId}:policy/team/payments`,
    ];
    expect(role?.attached).toEqual([...arns].sort());
    expect(status?.policies?.map(({ arn }) => arn)).toEqual(arns);
    const exported = await sandbox.kon(['account', 'export', 'payments']);
    expect(exported.stdout).toContain('account/team/payments');
    expect(exported.stdout).not.toContain('arn:');
  }
}, 120_000);
