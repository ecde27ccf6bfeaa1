/**
 * Policies and roles that do not exist in the AWS account are refused before anything is written. These tests use the
 * real executable and the AWS emulator.
 */
import { CreatePolicyCommand, CreateRoleCommand } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountId, startAwsCluster, type AwsCluster } from './aws-cluster.ts';
import type { Result } from './kon.ts';

const own = `arn:aws:iam::${accountId}:policy/team/ledger`;
const missing = `arn:aws:iam::${accountId}:policy/team/ledgr`;
const document = (statement: object): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: { Effect: 'Allow', ...statement } });

let world: AwsCluster;
const run = (
  line: string,
  options: { env?: Readonly<Record<string, string>>; input?: string } = {},
): Promise<Result> => world.kon.run(line.split(' '), options);
const names = (): Promise<string> => world.cluster.kubectl(['get', 'lsa', '-o', 'name']);
const adopting = (name: string, roleName: string): string =>
  JSON.stringify({
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'LinkedServiceAccount',
    metadata: { name },
    spec: { aws: { policyArns: [], adopt: true, roleName } },
  });

beforeAll(async () => {
  world = await startAwsCluster();
  await world.startOperator();
  await world.configure(['production']);
  await world.iam.send(
    new CreatePolicyCommand({
      PolicyName: 'ledger',
      Path: '/team/',
      PolicyDocument: document({ Action: 's3:GetObject', Resource: '*' }),
    }),
  );
  await world.iam.send(
    new CreateRoleCommand({
      RoleName: 'legacy',
      AssumeRolePolicyDocument: document({
        Action: 'sts:AssumeRole',
        Principal: { Service: 'ec2.amazonaws.com' },
      }),
    }),
  );
});

afterAll(() => world?.stop());

describe('a name that IAM does not know', () => {
  it.each([
    ['--policy account/team/ledgr', `policy account/team/ledgr does not exist in AWS account ${accountId}`],
    [`--policy ${missing}`, `policy ${missing} does not exist in AWS account ${accountId}`],
    [
      `--policy aws/ReadOnlyAccess --boundary ${missing}`,
      `policy ${missing} does not exist in AWS account ${accountId}`,
    ],
  ])('is refused by kon account create with %s', async (options, problem) => {
    const before = await names();
    const refused = await run(`account create new ${options} --no-wait`);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain(`LinkedServiceAccount "new": ${problem}\n`);
    expect(refused.stderr).toContain('--force');
    expect(await names()).toBe(before);
  });

  it('is refused as the name of a role that an account adopts, also in a dry run', async () => {
    const before = await names();
    for (const line of [
      'account create -f - --no-wait',
      'apply -f - --no-wait',
      'apply -f - --dry-run=client',
    ]) {
      const refused = await run(line, { input: adopting('taker', 'legcy') });
      expect(refused, line).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toContain(`role "legcy" does not exist in AWS account ${accountId}`);
    }
    expect(await names()).toBe(before);
  });

  it('is saved with --force', async () => {
    const forced = await run(`account create forced --policy ${missing} --no-wait --force`);
    expect(forced).toMatchObject({ code: 0, stdout: 'linkedserviceaccount/forced created\n' });
  });
});

describe('the reported IAM error for a policy that was saved with --force', () => {
  it('contains the ARN of the policy exactly once', async () => {
    await run(`account create refused --policy ${missing} --no-wait --force`);
    const reason = '{.status.conditions[?(@.type=="Ready")].reason}';
    await world.cluster.kubectl([
      'wait',
      'lsa/refused',
      `--for=jsonpath=${reason}=PolicyNotFound`,
      '--timeout=60s',
    ]);
    const condition = '{.status.conditions[?(@.type=="PoliciesAttached")].message}';
    const message = await world.cluster.kubectl(['get', 'lsa/refused', '-o', `jsonpath=${condition}`]);
    expect(message).toMatch(/^iam:AttachRolePolicy on kon-\S+: Policy arn:\S+ does not exist/);
    expect(message.split(missing)).toHaveLength(2);
    const { stdout } = await run('account show refused');
    expect(stdout).toContain('account/team/ledgr');
    expect(stdout.split(missing)).toHaveLength(2);
  });
});

describe('kon without --force', () => {
  it('accepts a policy and a role that exist in the AWS account', async () => {
    const line = `account create known --policy account/team/ledger --policy aws/ReadOnlyAccess --boundary ${own} --no-wait`;
    expect(await run(line)).toMatchObject({ code: 0, stdout: 'linkedserviceaccount/known created\n' });
    const adopted = await run('apply -f - --dry-run', { input: adopting('taker', 'legacy') });
    expect(adopted).toMatchObject({ code: 0, stdout: 'linkedserviceaccount/taker created (dry run)\n' });
  });

  it('accepts a policy of another AWS account, because IAM does not show such policies', async () => {
    const line = 'account create foreign --policy arn:aws:iam::999999999999:policy/theirs --no-wait';
    expect((await run(line)).code).toBe(0);
  });

  it('accepts an unknown policy when the user is not permitted to read policies in IAM', async () => {
    const blind = await run(`account create blind --policy ${missing} --no-wait -v`, {
      env: world.nobodyEnv,
    });
    expect(blind).toMatchObject({ code: 0, stdout: 'linkedserviceaccount/blind created\n' });
    expect(blind.stderr).toContain('cannot check whether the named policies, roles and targets exist');
  });
});
