/** `kon account suggest` with real use of roles: sessions of ServiceAccounts call S3, and IAM reports these calls. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CreatePolicyCommand, DetachRolePolicyCommand, DeleteRoleCommand } from '@aws-sdk/client-iam';
import { CreateBucketCommand, GetObjectCommand, ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { AssumeRoleWithWebIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LinkedServiceAccountSpec } from '../../../src/api/linked-service-account.ts';
import type { AccountSuggestion } from '../../../src/cli/commands/account/suggest/render.ts';
import { roleName } from '../../../src/identity/desired/names.ts';
import {
  accountId,
  clusterArn,
  clusterName,
  region,
  startAwsCluster,
  type AwsCluster,
} from './aws-cluster.ts';
import { eventually } from '../../support/eventually.ts';
import type { Result } from './kon.ts';

const managed = (name: string): string => `arn:aws:iam::aws:policy/${name}`;
const s3Full = managed('AmazonS3FullAccess');
const sqsFull = managed('AmazonSQSFullAccess');

let world: AwsCluster;
const kon = (...args: string[]): Promise<Result> => world.kon.run(args);
const roleOf = (account: string): string => roleName({ clusterArn, clusterName, account });
const roleArnOf = (account: string): string =>
  `arn:aws:iam::${accountId}:role/konstellation/${roleOf(account)}`;
const writes = (): number =>
  world.aws.journal
    .entries()
    .filter(({ service, action }) => service === 'iam' && !/^(Get|List|Simulate|Generate)/.test(action))
    .length;

/** Returns an S3 client with the credentials that a pod of the account gets. */
async function s3Of(account: string): Promise<S3Client> {
  const audience = ['--audience', 'sts.amazonaws.com'];
  const token = await world.cluster.kubectl(['create', 'token', '-n', 'production', account, ...audience]);
  const sts = new STSClient({ endpoint: world.aws.url, region, maxAttempts: 1 });
  const { Credentials: keys } = await sts.send(
    new AssumeRoleWithWebIdentityCommand({
      RoleArn: roleArnOf(account),
      RoleSessionName: 'pod',
      WebIdentityToken: token.trim(),
    }),
  );
  sts.destroy();
  return new S3Client({
    endpoint: world.aws.url,
    region,
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: {
      accessKeyId: keys?.AccessKeyId ?? '',
      secretAccessKey: keys?.SecretAccessKey ?? '',
      sessionToken: keys?.SessionToken ?? '',
    },
  });
}

/** Lists buckets, and reads an object that does not exist. */
async function useS3(account: string): Promise<void> {
  const s3 = await s3Of(account);
  await s3.send(new ListBucketsCommand({}));
  await expect(s3.send(new GetObjectCommand({ Bucket: 'orders', Key: '1' }))).rejects.toThrow();
  s3.destroy();
}

async function create(account: string, ...policies: readonly string[]): Promise<void> {
  const result = await kon(
    'account',
    'create',
    account,
    ...policies.flatMap((policy) => ['--policy', policy]),
  );
  expect(result, result.stderr).toMatchObject({ code: 0 });
}

async function suggestion(account: string, ...args: readonly string[]): Promise<AccountSuggestion> {
  const result = await kon('account', 'suggest', account, '-o', 'json', ...args);
  expect(result, result.stderr).toMatchObject({ code: 0, stderr: '' });
  return JSON.parse(result.stdout) as AccountSuggestion;
}

/** Changes the ClusterConfig, and waits until the operator has applied this change. */
const patchConfig = async (aws: object): Promise<void> => {
  const kubectl = (...args: string[]): Promise<string> => world.cluster.kubectl(args);
  const patch = JSON.stringify({ spec: { aws } });
  await kubectl('patch', 'clusterconfig', clusterName, '--type', 'merge', '-p', patch);
  await eventually('the ClusterConfig to be applied', async () => {
    const path = 'jsonpath={.metadata.generation} {.status.observedGeneration}';
    const [generation, observed] = (await kubectl('get', 'clusterconfig', clusterName, '-o', path)).split(
      ' ',
    );
    return generation === observed ? true : undefined;
  });
};

beforeAll(async () => {
  world = await startAwsCluster();
  await world.startOperator();
  await world.configure(['production']);
  const { Policy: boundary } = await world.iam.send(
    new CreatePolicyCommand({
      PolicyName: 'boundary',
      PolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: { Effect: 'Allow', Action: ['s3:*', 'sqs:*', 'iam:*'], Resource: '*' },
      }),
    }),
  );
  await patchConfig({ allowStatements: true, permissionsBoundaryArn: boundary?.Arn });
});

afterAll(() => world?.stop());

describe('kon account suggest', () => {
  it('suggests only the used and the untracked actions, and the printed commands save this suggestion', async () => {
    await create('orders', s3Full, sqsFull);
    await useS3('orders');
    const before = writes();
    const shown = await kon('account', 'suggest', 'orders');
    expect(shown, shown.stderr).toMatchObject({ code: 0, stderr: '' });
    expect(shown.stdout).toMatch(
      new RegExp(`^${s3Full}: narrow, \\d+ of its \\d+ actions may be in use, which statements allow$`, 'm'),
    );
    expect(shown.stdout).toContain(`${sqsFull}: remove, none of its actions is used\n`);
    expect(shown.stdout).toContain('\nlinkedserviceaccount/orders would change:\n');
    expect(shown.stdout).toMatch(new RegExp(`^- +- ${sqsFull}$`, 'm'));
    expect(shown.stdout).toMatch(/^\+ +- s3:ListAllMyBuckets$/m);
    expect(shown.stdout).toContain('IAM tracks management actions of some services.');
    expect(shown.stdout).toMatch(
      new RegExp(
        `^‼ the role ${roleArnOf('orders')} was created at .*, so IAM reports its use for less than 90d$`,
        'm',
      ),
    );
    expect(writes()).toBe(before);

    const save = /^ {2}kon (account suggest orders .*) > orders\.json$/m.exec(shown.stdout)?.[1] ?? '';
    const proposed = await kon(...save.replaceAll("'", '').split(' '));
    const file = join(world.kon.folder, 'orders.json');
    await writeFile(file, proposed.stdout);
    for (const command of ['account plan -f orders.json', 'account edit orders -f orders.json'])
      expect(shown.stdout).toContain(`  kon ${command}\n`);
    const plan = await kon('account', 'plan', '-f', file);
    expect(plan.stdout).toContain(`  - ${roleOf('orders')}: attachment of ${sqsFull} (`);
    const edited = await kon('account', 'edit', 'orders', '-f', file);
    expect(edited, edited.stderr).toMatchObject({ code: 0 });

    const s3 = await s3Of('orders');
    await s3.send(new ListBucketsCommand({}));
    await expect(s3.send(new GetObjectCommand({ Bucket: 'orders', Key: '1' }))).rejects.toMatchObject({
      name: 'NoSuchBucket',
    });
    await expect(s3.send(new CreateBucketCommand({ Bucket: 'new-bucket' }))).rejects.toMatchObject({
      name: 'AccessDenied',
    });
    s3.destroy();
    expect((await suggestion('orders')).proposed).toBeUndefined();
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({
      kind: 'LinkedServiceAccount',
      metadata: { name: 'orders' },
      spec: { aws: { policyArns: [] } },
    });
  });

  it('prints one command if it suggests only to remove policies, and that command removes the policies', async () => {
    const { Policy: own } = await world.iam.send(
      new CreatePolicyCommand({
        PolicyName: 'read-orders',
        PolicyDocument: JSON.stringify({
          Version: '2012-10-17',
          Statement: { Effect: 'Allow', Action: ['s3:ListAllMyBuckets', 's3:GetObject'], Resource: '*' },
        }),
      }),
    );
    await create('reader', own?.Arn ?? '', sqsFull);
    await useS3('reader');
    const { policies, commands } = await suggestion('reader');
    expect(policies.map(({ advice }) => advice)).toEqual(['keep', 'remove']);
    expect(commands).toEqual([`kon account edit reader --remove-policy ${sqsFull}`]);
    const edited = await kon(...(commands[0] ?? '').split(' ').slice(1));
    expect(edited, edited.stderr).toMatchObject({ code: 0 });
    const after = await suggestion('reader', '--since', '400d');
    expect(after).toMatchObject({ policies: [{ policy: own?.Arn, advice: 'keep' }], commands: [] });
    expect(after.proposed).toBeUndefined();
  });

  it('reads a report of several pages, and lists the services of a policy that allows everything', async () => {
    await create('admin', managed('AdministratorAccess'));
    await useS3('admin');
    const since = world.aws.journal.last();
    const { policies, proposed } = await suggestion('admin');
    const calls = world.aws.journal.entries({ since, action: 'GetServiceLastAccessedDetails' });
    expect(calls.filter(({ parameters }) => 'Marker' in parameters).length).toBeGreaterThan(1);
    expect(policies[0], JSON.stringify(policies)).toMatchObject({ advice: 'narrow' });
    expect(policies[0]?.unusedServices).toContain('ec2');
    expect(policies[0]?.unusedServices).not.toContain('s3');
    const spec = proposed?.spec as LinkedServiceAccountSpec | undefined;
    const actions = (spec?.aws.statements ?? []).flatMap((statement) => statement.actions);
    expect(actions).toContain('s3:ListAllMyBuckets');
    expect(actions).toContain('iam:PassRole');
    expect(actions.filter((action) => action.startsWith('ec2:'))).toEqual([]);
  });

  it('suggests nothing for an account without any use', async () => {
    await create('idle', sqsFull);
    const shown = await kon('account', 'suggest', 'idle');
    expect(shown).toMatchObject({ code: 0 });
    expect(shown.stdout).toContain(
      '‼ IAM reports no use of account "idle" in the tracking period. Nothing is suggested; if no app needs the account: kon account delete idle\n',
    );
    expect(await suggestion('idle')).toMatchObject({ policies: [], statements: [], commands: [] });
  });

  it('suggests no statements on a cluster that does not allow statements, and says why', async () => {
    await create('fenced', s3Full);
    await useS3('fenced');
    await patchConfig({ allowStatements: false });
    const { policies, proposed } = await suggestion('fenced');
    await patchConfig({ allowStatements: true });
    expect(policies[0]).toMatchObject({
      advice: 'keep',
      reason: expect.stringContaining('but the ClusterConfig "main" does not allow statements'),
    });
    expect(proposed).toBeUndefined();
  });

  it('prints the suggestions for several accounts as one list', async () => {
    await create('first', sqsFull);
    await create('second', sqsFull);
    const { code, stdout } = await kon('account', 'suggest', 'first', 'second', '-o', 'json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      kind: 'AccountSuggestionList',
      items: [{ account: 'first' }, { account: 'second' }],
    });
  });

  it('names the cause if kon cannot read the report of IAM about used services', async () => {
    await create('unread', sqsFull);
    const denied = await world.kon.run(['account', 'suggest', 'unread', '-o', 'json'], {
      env: world.nobodyEnv,
    });
    expect(denied).toMatchObject({ code: 1, stdout: '' });
    expect(JSON.parse(denied.stderr)).toMatchObject({
      code: 'AWS_DENIED',
      message: expect.stringMatching(/iam:(GenerateServiceLastAccessedDetails|GetRole)/),
    });
    const without = await world.kon.run(['account', 'suggest', 'unread'], {
      env: { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' },
    });
    expect(without).toMatchObject({ code: 4, stderr: expect.stringContaining('credentials') });
    expect(await kon('account', 'suggest', 'none')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('account "none" not found'),
    });
    const late = await kon('account', 'suggest', 'unread', '--timeout', '100ms');
    expect(late).toMatchObject({ code: 1, stdout: '' });
    expect(late.stderr).toContain(
      `IAM did not complete the report about ${roleArnOf('unread')} within 100ms`,
    );
    for (const args of [['--since', '500d'], ['--since', 'x'], []])
      expect(await kon('account', 'suggest', ...(args.length > 0 ? ['unread'] : []), ...args)).toMatchObject({
        code: 2,
        stdout: '',
      });
  });

  it('reports an account whose role does not exist', async () => {
    await create('gone', sqsFull);
    await world.stopOperator();
    await kon('account', 'create', 'new', '--policy', sqsFull, '--no-wait');
    expect(await kon('account', 'suggest', 'new')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('account "new" has no role yet'),
    });
    await world.iam.send(new DetachRolePolicyCommand({ RoleName: roleOf('gone'), PolicyArn: sqsFull }));
    await world.iam.send(new DeleteRoleCommand({ RoleName: roleOf('gone') }));
    expect(await kon('account', 'suggest', 'gone')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`The role with name ${roleOf('gone')} cannot be found.`),
    });
    await world.startOperator();
  });
});
