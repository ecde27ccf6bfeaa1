/**
 * `kon conformance` in the emulator's AWS account, where every outcome is as expected, and against moto, where some
 * outcomes differ.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CreateRoleCommand,
  IAMClient,
  ListOpenIDConnectProvidersCommand,
  paginateListRoles,
} from '@aws-sdk/client-iam';
import { CreateBucketCommand, ListBucketsCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { operationOf } from '../../../sandbox/src/conformance/scenario.ts';
import { startAwsEmulator, type AwsEmulator } from '../../../sandbox/src/aws/server.ts';
import { runPolicy } from '../../../sandbox/src/conformance/permissions.ts';
import type { Report } from '../../../sandbox/src/conformance/report.ts';
import type { EvaluationRequest } from '../../../src/policy/model.ts';
import { wallClock } from '../../../src/k8s/testing/clocks.ts';
import { ensurePython } from '../../support/sdks/programs.ts';
import { startMoto } from '../aws-scenarios/moto.ts';
import { areasOf } from '../aws-scenarios/backends.ts';
import { startAwsCluster, type AwsCluster } from './aws-cluster.ts';
import { prepareKon, type Kon } from './kon.ts';
import { unneededRights, withoutEachRight } from './needed-rights.ts';

const accountId = '123456789012';
const region = 'us-east-1';
const administrator = { accessKeyId: 'AKIAADMINISTRATOR000', secretAccessKey: 'administrator-secret' };
/** A user with the policy that `--print-policy` prints. */
const runner = { accessKeyId: 'AKIARUNNER0000000000', secretAccessKey: 'runner-secret' };
const all = { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: '*', Resource: '*' } };

let kon: Kon;
let aws: AwsEmulator;
let iam: IAMClient;
let s3: S3Client;
let env: Readonly<Record<string, string>>;

const envOf = (url: string, keys: typeof runner): Readonly<Record<string, string>> => ({
  AWS_ENDPOINT_URL: url,
  AWS_REGION: region,
  AWS_ACCESS_KEY_ID: keys.accessKeyId,
  AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
  AWS_EC2_METADATA_DISABLED: 'true',
});

beforeAll(async () => {
  kon = await prepareKon();
});
afterAll(() => kon.remove());

/** Policy of `runner`, and the permissions that the emulator checked for this user. */
const leastPolicy = runPolicy({ partition: 'aws', accountId, cluster: false });
let checked: EvaluationRequest[];

beforeEach(() => startAccount(leastPolicy));

async function startAccount(runnerPolicy: object): Promise<void> {
  checked = [];
  const user = (name: string): string => `arn:aws:iam::${accountId}:user/${name}`;
  aws = await startAwsEmulator({
    accountId,
    region,
    now: wallClock,
    randomBytes,
    clusters: [],
    issuerKeys: () => Promise.reject(new Error('there is no issuer')),
    credentials: [
      { ...administrator, principalArn: user('administrator'), policies: [all] },
      {
        ...runner,
        principalArn: user('runner'),
        policies: [runnerPolicy],
      },
    ],
    onCheck: (principalArn, permission) => {
      if (principalArn === user('runner')) checked.push(permission);
    },
  });
  env = envOf(aws.url, administrator);
  const client = { endpoint: aws.url, region, credentials: administrator, maxAttempts: 1 };
  iam = new IAMClient(client);
  s3 = new S3Client({ ...client, forcePathStyle: true });
}
afterEach(async () => {
  iam.destroy();
  s3.destroy();
  await aws.close();
});

const command = (...more: readonly string[]): string[] => ['conformance', '--account', accountId, ...more];

async function rolesAndBuckets(): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { Roles = [] } of paginateListRoles({ client: iam }, {}))
    names.push(...Roles.map(({ RoleName = '' }) => RoleName));
  const { Buckets = [] } = await s3.send(new ListBucketsCommand({}));
  return [...names, ...Buckets.map(({ Name = '' }) => Name)];
}

/** Returns the calls that changed the AWS account. */
const changes = (): readonly string[] =>
  aws.journal.entries().flatMap(({ changed, action }) => (changed ? [action] : []));

const differencesIn = (report: Report): readonly string[] =>
  report.areas.flatMap(({ scenarios }) =>
    scenarios.flatMap(({ name, calls }) =>
      calls.flatMap(({ operation, differences }) =>
        differences.map((text) => `${name}, ${operation}: ${text}`),
      ),
    ),
  );

const answersOf = (report: Report): Readonly<Record<string, string>> =>
  Object.fromEntries(report.measurements.map(({ id, answer }) => [id, answer]));

test('in a conformance run, every call gives the expected result, all created objects are deleted, and the report has no credentials', async () => {
  const { code, stdout, stderr } = await kon.run(command('--yes', '--report', 'reports'), { env });
  expect(stderr).toContain('Roles: ');
  expect(code).toBe(0);
  const run = /^\| Run \| (\w{8}) \|$/m.exec(stdout)?.[1] ?? '';
  const file = (ending: string): Promise<string> =>
    readFile(join(kon.folder, 'reports', `conformance-${run}.${ending}`), 'utf8');
  expect(await file('md')).toBe(stdout);
  const json = await file('json');
  const report = JSON.parse(json) as Report;
  expect(report.calls.different).toBe(0);
  expect(report.calls.equal).toBeGreaterThan(250);
  const skipped = report.areas.flatMap(({ scenarios }) =>
    scenarios.flatMap(({ calls }) => calls.flatMap(({ reason }) => reason ?? [])),
  );
  expect(report.calls.skipped).toBe(skipped.length);
  expect(new Set(skipped)).toEqual(
    new Set(['the run has no cluster', 'without a cluster, no issuer signs tokens that AWS accepts']),
  );
  expect(answersOf(report)).toEqual({
    'create-to-assume': expect.stringMatching(/^\d+ ms$/),
    'trust-closed': expect.stringMatching(/^\d+ ms$/),
    'trust-opened': expect.stringMatching(/^\d+ ms$/),
    'attach-to-effect': expect.stringMatching(/^\d+ ms$/),
    'detach-to-effect': expect.stringMatching(/^\d+ ms$/),
    'resource-tag-at-create': 'yes',
    'last-used-call': 'yes',
    'last-used-assume-role': expect.stringMatching(/^not within \d+ s$/),
    'last-used-web-identity': 'not measured: no cluster token was exchanged',
  });
  expect(report.quotas).toMatchObject({ AttachedPoliciesPerRoleQuota: 10, RolesQuota: 1000 });
  expect(report.left).toEqual([]);
  expect(report.removed).toBeGreaterThan(50);
  expect(await rolesAndBuckets()).toEqual([]);
  for (const text of [stdout, stderr, json]) {
    expect(text).not.toMatch(/(AKIA|ASIA)[A-Z0-9]{12}/);
    expect(text).not.toContain(administrator.secretAccessKey);
    // The report names these members in expected responses, but replaces their values by a text in angle brackets.
    expect(text).not.toMatch(/"(SecretAccessKey|SessionToken)": "(?!<)/);
  }
});

test('a conformance run waits until IAM changes take effect, and measures these delays', async () => {
  aws.faults.set({ propagationMs: 600 });
  const { code, stdout } = await kon.run(command('--yes', '-o', 'json'), { env });
  const report = JSON.parse(stdout) as Report;
  expect(differencesIn(report)).toEqual([]);
  expect(code).toBe(0);
  for (const { id, milliseconds } of report.measurements)
    if (/^(create|trust|attach|detach)-/.test(id)) expect(milliseconds, id).toBeGreaterThan(200);
  const repeated = report.areas.flatMap(({ scenarios }) =>
    scenarios.flatMap(({ calls }) => calls.filter(({ attempts }) => attempts > 1)),
  );
  expect(repeated.map(({ operation }) => operation)).toContain('AssumeRole');
  expect(repeated.every(({ settledMs }) => settledMs > 0)).toBe(true);
});

test('a conformance run retries throttled calls, including deletions', async () => {
  const actions = ['CreateRole', 'PutRolePolicy', 'DeleteRolePolicy', 'DeleteRole'];
  const error = { code: 'Throttling', message: 'Rate exceeded', status: 400 };
  aws.faults.set({ rules: actions.map((action) => ({ service: 'iam', action, times: 3, error })) });
  const { code, stdout } = await kon.run(command('--yes', '-o', 'json'), { env });
  const throttled = aws.journal.entries().filter(({ fault }) => fault === 'rule');
  expect(throttled).toHaveLength(3 * actions.length);
  const report = JSON.parse(stdout) as Report;
  expect(differencesIn(report)).toEqual([]);
  expect(report.left).toEqual([]);
  expect(answersOf(report)['resource-tag-at-create']).toBe('yes');
  expect(code).toBe(0);
  aws.faults.set({});
  expect(await rolesAndBuckets()).toEqual([]);
});

test('with --mask-account, the report contains neither the ID of the AWS account nor the user name of the caller', async () => {
  const { code, stdout } = await kon.run(command('--yes', '--mask-account', '-o', 'json'), { env });
  expect(code).toBe(0);
  expect(stdout).toContain('arn:aws:iam::<account>:role/konstellation-conformance/');
  expect(stdout).not.toContain(accountId);
  expect(stdout).not.toContain('user/administrator');
});

describe('before anything is created', () => {
  test('credentials of another AWS account are refused', async () => {
    const { code, stderr } = await kon.run(['conformance', '--account', '210987654321', '--yes'], { env });
    expect(stderr).toContain('your AWS credentials belong to AWS account 123456789012, not to 210987654321');
    expect(code).toBe(4);
    expect(changes()).toEqual([]);
  });

  test('the conformance run shows what will be created, and asks for confirmation', async () => {
    const terminal = kon.terminal(command().join(' '), { env });
    await terminal.until('[y/N]');
    expect(changes()).toEqual([]);
    terminal.type('n\n');
    const { code, screen } = await terminal.finished;
    expect(screen).toMatch(
      /at most \d+ IAM roles and \d+ policies under \/konstellation-conformance\/\w{8}\//,
    );
    expect(screen).toMatch(/at most \d+ S3 buckets named k11n-conf-\w{8}-\* in us-east-1/);
    expect(screen).toContain('Nothing was created.');
    expect(code).toBe(1);
    expect(changes()).toEqual([]);
  });

  test('--yes is required without a terminal', async () => {
    const { code, stderr } = await kon.run(command(), { env });
    expect(stderr).toContain('Pass --yes to confirm.');
    expect(code).toBe(2);
    expect(changes()).toEqual([]);
  });

  test('a missing or malformed AWS account is a command-line error', async () => {
    expect((await kon.run(['conformance', '--yes'], { env })).code).toBe(2);
    expect((await kon.run(['conformance', '--account', 'x', '--yes'], { env })).code).toBe(2);
    expect(changes()).toEqual([]);
  });
});

describe('a conformance run', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'removes everything after %s, and reports its results so far',
    async (ending) => {
      aws.faults.set({ latencyMs: 5 });
      const running = kon.start(command('--yes', '-o', 'json'), { env });
      await running.until('Roles: ');
      running.stop(ending);
      const { code, stdout, stderr } = await running.finished;
      expect(stderr).toContain('interrupted; everything that the run had created was removed');
      expect(code).toBe(130);
      const report = JSON.parse(stdout) as Report;
      expect(report.interrupted).toBe(true);
      expect(report.areas.map(({ name }) => name)).toContain('Roles');
      expect(report.areas.map(({ name }) => name)).not.toContain('Buckets and objects');
      expect(await rolesAndBuckets()).toEqual([]);
    },
  );

  test('that was killed is cleaned up by a later command, which keeps the roles and buckets of others', async () => {
    const trust = JSON.stringify(all).replace(
      '"Resource":"*"',
      '"Principal":{"Service":"ec2.amazonaws.com"}',
    );
    const foreign = { AssumeRolePolicyDocument: trust.replace('"Action":"*"', '"Action":"sts:AssumeRole"') };
    await iam.send(
      new CreateRoleCommand({
        ...foreign,
        RoleName: 'untagged',
        Path: '/konstellation-conformance/aaaaaaaa/',
      }),
    );
    await iam.send(new CreateRoleCommand({ ...foreign, RoleName: 'k11n-conf-aaaaaaaa-elsewhere' }));
    await s3.send(new CreateBucketCommand({ Bucket: 'k11n-conf-aaaaaaaa-photos' }));
    await s3.send(
      new PutObjectCommand({ Bucket: 'k11n-conf-aaaaaaaa-photos', Key: 'holiday.jpg', Body: 'x' }),
    );
    const foreigners = ['k11n-conf-aaaaaaaa-elsewhere', 'untagged', 'k11n-conf-aaaaaaaa-photos'];

    aws.faults.set({ latencyMs: 5 });
    const running = kon.start(command('--yes'), { env });
    await running.until('Identity providers and sessions: ');
    running.stop('SIGKILL');
    await running.finished;
    aws.faults.set({});
    expect((await rolesAndBuckets()).length).toBeGreaterThan(foreigners.length + 20);

    const { code, stdout, stderr } = await kon.run(command('--cleanup', '--yes'), { env });
    expect(stderr).toContain('‼ stays: role untagged');
    expect(stderr).toContain('‼ stays: bucket k11n-conf-aaaaaaaa-photos');
    expect(stdout).toMatch(/^removed role k11n-conf-/m);
    expect(code).toBe(0);
    expect(new Set(await rolesAndBuckets())).toEqual(new Set(foreigners));

    const again = await kon.run(command('--cleanup', '--yes'), { env });
    expect(again.stdout).toBe('nothing of earlier runs is left\n');
  });
});

describe('the minimal permissions of a conformance run', () => {
  test('are printed by a command, and suffice for a run', async () => {
    const printed = await kon.run(command('--print-policy', '-o', 'json'), { env: {} });
    expect(JSON.parse(printed.stdout)).toEqual(leastPolicy);
    const { code, stdout } = await kon.run(command('--yes', '-o', 'json'), { env: envOf(aws.url, runner) });
    const report = JSON.parse(stdout) as Report;
    expect(differencesIn(report)).toEqual([]);
    expect(answersOf(report)['resource-tag-at-create']).toBe('yes');
    expect(code).toBe(0);
    expect(await rolesAndBuckets()).toEqual([]);
  });

  test('contain no action and no resource that a run does not need', async () => {
    await kon.run(command('--yes'), { env: envOf(aws.url, runner) });
    expect(checked.length).toBeGreaterThan(200);
    expect(unneededRights(leastPolicy, checked)).toEqual([]);
  });

  test('must be complete: if one is missing, the report shows the calls that AWS refused', async () => {
    const reduced = withoutEachRight(leastPolicy).find(({ right }) => right === 'Roles: iam:UpdateRole');
    await aws.close();
    await startAccount(reduced?.policy ?? leastPolicy);
    const { code, stdout } = await kon.run(command('--yes', '--propagation-timeout', '1ms', '-o', 'json'), {
      env: envOf(aws.url, runner),
    });
    expect(code).toBe(1);
    const differences = differencesIn(JSON.parse(stdout) as Report);
    expect(differences).toContainEqual(expect.stringMatching(/, UpdateRole: .*AccessDenied/));
  });
});

describe('with a cluster', () => {
  let cluster: AwsCluster;
  afterEach(() => cluster.stop());

  const clusterPolicy = runPolicy({ partition: 'aws', accountId, cluster: true });
  const withCluster = async (
    more: readonly string[],
    extra: Readonly<Record<string, string>> = {},
  ): Promise<Awaited<ReturnType<Kon['run']>>> => {
    const context = (await cluster.cluster.kubectl(['config', 'current-context'])).trim();
    const args = ['--context', context, '--cluster-name', 'main', '--region', 'eu-west-1', '--yes'];
    return cluster.kon.run(command(...args, '-o', 'json', ...more), { env: extra });
  };
  /**
   * Returns the phase of each namespace that a run created. A deleted namespace stays `Terminating`, because this
   * cluster has no controller that completes the deletion.
   */
  const namespaces = (): Promise<string> =>
    cluster.cluster.kubectl([
      'get',
      'namespaces',
      '-l',
      'konstellation-conformance',
      '-o',
      'jsonpath={range .items[*]}{.status.phase} {end}',
    ]);
  const providers = async (): Promise<readonly string[]> => {
    const { OpenIDConnectProviderList = [] } = await cluster.iam.send(
      new ListOpenIDConnectProvidersCommand({}),
    );
    return OpenIDConnectProviderList.map(({ Arn = '' }) => Arn);
  };

  test.each([true, false])(
    'the OIDC providers stay unchanged, and every call gives the expected result or is skipped because it needs a token that a real issuer does not sign (provider exists: %s)',
    async (provider) => {
      cluster = await startAwsCluster({ provider, crds: false });
      const before = await providers();
      const { code, stdout, stderr } = await withCluster([]);
      expect(stderr).toContain('in EKS cluster main');
      const report = JSON.parse(stdout) as Report;
      expect(differencesIn(report)).toEqual([]);
      expect(code).toBe(0);
      const skipped = report.areas.flatMap(({ scenarios }) =>
        scenarios.flatMap(({ calls }) => calls.flatMap(({ reason }) => reason ?? [])),
      );
      expect(new Set(skipped)).toEqual(
        new Set(
          [
            'expired',
            'justExpired',
            'textExpiry',
            'listSubject',
            'noSubject',
            'listIssuer',
            'bareIssuer',
            'slashIssuer',
          ].map((token) => `a real issuer does not sign the token ${token}Token`),
        ),
      );
      expect(answersOf(report)['last-used-web-identity']).toMatch(/^not within \d+ s$/);
      expect(stdout).not.toMatch(/eyJ[\w-]+\./);
      expect(await providers()).toEqual(before);
      expect(await namespaces()).toBe('Terminating ');
    },
  );

  test('the minimal permissions suffice, and each permission is needed', async () => {
    const checkedHere: EvaluationRequest[] = [];
    cluster = await startAwsCluster({
      provider: false,
      crds: false,
      users: [{ ...runner, policies: [clusterPolicy] }],
      onCheck: (principalArn, permission) => {
        if (principalArn.endsWith('user/further-0')) checkedHere.push(permission);
      },
    });
    const { code, stdout } = await withCluster([], envOf(cluster.aws.url, runner));
    expect(differencesIn(JSON.parse(stdout) as Report)).toEqual([]);
    expect(code).toBe(0);
    // Only the walkthrough in test/e2e/cli/conformance.test.ts needs these two permissions.
    expect(unneededRights(clusterPolicy, checkedHere)).toEqual([
      'ReadWalkthrough: iam:ListAttachedRolePolicies',
      'DriftOfWalkthrough: iam:DetachRolePolicy',
    ]);
  });
});

test('moto differs from AWS in exactly the calls that the table names', async () => {
  await ensurePython();
  const moto = await startMoto();
  try {
    const { code, stdout } = await kon.run(command('--yes', '--propagation-timeout', '1ms', '-o', 'json'), {
      env: envOf(moto.endpoint, administrator),
    });
    // moto deletes a policy although it is still attached, and then cannot delete the role.
    expect(code).toBe(3);
    const report = JSON.parse(stdout) as Report;
    const different = report.areas.flatMap(({ scenarios }) =>
      scenarios.map(({ name, calls }) => ({
        name,
        different: calls.flatMap(({ status, operation }) => (status === 'different' ? [operation] : [])),
      })),
    );
    // Without a cluster, only a part of the scenarios runs against moto.
    const skipped = new Set(
      report.areas.flatMap(({ scenarios }) =>
        scenarios.flatMap(({ name, calls }) =>
          calls.some(({ status }) => status === 'skipped') ? [name] : [],
        ),
      ),
    );
    const known = Object.values(areasOf('moto'))
      .flat()
      .filter(({ name }) => !skipped.has(name))
      .map(({ name, steps }) => ({
        name,
        different: steps.flatMap((step) => (step.moto ? [operationOf(step)] : [])),
      }));
    expect(different.filter(({ name }) => !skipped.has(name))).toEqual(known);
    expect(report.left).toEqual([
      expect.stringMatching(
        /^role k11n-conf-\w+-policy-user: Cannot delete entity, must detach all policies first/,
      ),
    ]);
  } finally {
    await moto.stop();
  }
});
