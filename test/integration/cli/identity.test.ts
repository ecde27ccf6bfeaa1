/** Commands that read IAM: plan, verify, can-i and orphans, with a real API server, a strict IAM and a real operator. */
import {
  CreatePolicyCommand,
  CreateRoleCommand,
  DeleteRolePolicyCommand,
  GetRoleCommand,
  ListRolesCommand,
  PutRolePolicyCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { AssumeRoleWithWebIdentityCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { roleName } from '../../../src/identity/desired/names.ts';
import { injectedEnv, injectedMount, injectedVolume } from '../../../src/workloads/testing/injected.ts';
import { untilPermitted } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import { clusterArn, clusterName, region, startAwsCluster, type AwsCluster } from './aws-cluster.ts';
import type { Result } from './kon.ts';

const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
const queues = 'arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess';

let world: AwsCluster;
const kon = (...args: string[]): Promise<Result> => world.kon.run(args);
const roleOf = (account: string): string => roleName({ clusterArn, clusterName, account });
const writes = (): number =>
  world.aws.journal
    .entries()
    .filter(({ action }) => !/^(Get|List|Simulate|AssumeRoleWithWebIdentity)/.test(action)).length;

beforeAll(async () => {
  world = await startAwsCluster();
  await world.startOperator();
  await world.configure(['production', 'staging']);
});

afterAll(() => world?.stop());

describe('kon account plan', () => {
  it('shows all changes for a new account, and applies none', async () => {
    const file = await world.kon.file(
      'planned.yaml',
      `apiVersion: k11n.dev/v1alpha1
kind: LinkedServiceAccount
metadata: {name: planned}
spec: {aws: {policyArns: [${readOnly}, "arn:aws:iam::aws:policy/NoSuchPolicy"]}}
`,
    );
    const before = writes();
    const result = await kon('account', 'plan', '-f', file);
    expect(result).toMatchObject({ code: 1, stderr: '' });
    const role = roleOf('planned');
    expect(result.stdout).toContain(`Account planned on the cluster main, AWS account 123456789012\n`);
    expect(result.stdout).toContain(
      `  + ${role}: role with path /konstellation/, sessions of 3600 s at most\n`,
    );
    expect(result.stdout).toContain('"system:serviceaccount:staging:planned"');
    expect(result.stdout).toContain(`  + ${role}: attachment of ${readOnly}\n`);
    expect(result.stdout).toContain('  + production/planned: ServiceAccount with the role arn:aws:iam::');
    expect(result.stdout).toContain(
      '  × policy arn:aws:iam::aws:policy/NoSuchPolicy: policy not found in IAM (PolicyNotFound)\n',
    );
    expect(result.stdout).toContain('\n5 to create, 0 to change, 0 to remove.\n');
    expect(writes()).toBe(before);
    expect(await world.cluster.kubectl(['get', 'lsa', '-o', 'name'])).toBe('');
  });

  it('exits with code 0 when nothing would change, and kon account diff exits with code 1 and shows the changes of an edit', async () => {
    expect((await kon('account', 'create', 'edited', '--policy', readOnly)).code).toBe(0);
    expect(await kon('account', 'plan', 'edited')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('\nNothing to change.\n'),
    });
    const { stdout } = await kon('account', 'show', 'edited', '-o', 'json');
    const account = JSON.parse(stdout) as { spec: { aws: { policyArns: string[] } } };
    account.spec.aws.policyArns = [queues];
    const file = await world.kon.file('edited.json', JSON.stringify(account));
    const result = await kon('account', 'diff', '-f', file, '-o', 'json');
    expect(result.code).toBe(1);
    expect(JSON.parse(result.stdout)).toMatchObject({
      apiVersion: 'cli.k11n.dev/v1',
      kind: 'AccountPlan',
      account: 'edited',
      drift: [],
      problems: [],
      changes: [
        { system: 'iam', action: 'create', step: 'AttachPolicy', object: roleOf('edited') },
        { system: 'iam', action: 'delete', step: 'DetachPolicy', object: roleOf('edited') },
      ],
    });
  });

  it('shows the changes of a deletion', async () => {
    const result = await kon('account', 'plan', 'edited', '--delete');
    expect(result.code).toBe(1);
    expect(result.stdout).toContain(`  - ${roleOf('edited')}: role\n`);
    expect(result.stdout).toContain('  - staging/edited: ServiceAccount\n');
    expect(result.stdout).not.toContain('In the way');
  });

  it('exits with a code above 1 when it cannot determine the changes', async () => {
    expect(await kon('account', 'plan', 'nope')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('Error: account "nope" not found'),
    });
    const denied = await world.kon.run(['account', 'plan', 'edited', '-o', 'json'], { env: world.nobodyEnv });
    expect(denied.code).toBe(3);
    expect(JSON.parse(denied.stderr)).toMatchObject({ code: 'AWS_DENIED', exitCode: 3 });
    const without = await world.kon.run(['account', 'plan', 'edited'], {
      env: { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' },
    });
    expect(without).toMatchObject({ code: 4, stderr: expect.stringContaining('credentials') });
    const file = await world.kon.file(
      'bad.yaml',
      'apiVersion: k11n.dev/v1alpha1\nkind: LinkedServiceAccount\n',
    );
    expect((await kon('account', 'plan', '-f', file)).code).toBe(3);
    expect((await kon('account', 'plan')).code).toBe(2);
  });
});

describe('kon account verify', () => {
  it('proves each target, and quotes the message of STS if a proof fails', async () => {
    await kon('account', 'create', 'verified', '--policy', readOnly);
    const good = await kon('account', 'verify', 'verified');
    expect(good.code).toBe(0);
    expect(good.stdout.split('\n').map((line) => line.split('\t').slice(0, 2))).toEqual([
      ['TARGET', 'PROVEN'],
      ['production', 'yes'],
      ['staging', 'yes'],
      [''],
    ]);
    // The command needs no AWS credentials.
    const anonymous = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' };
    expect((await world.kon.run(['account', 'verify', 'verified'], { env: anonymous })).code).toBe(0);
    await world.iam.send(
      new UpdateAssumeRolePolicyCommand({
        RoleName: roleOf('verified'),
        PolicyDocument: JSON.stringify({
          Version: '2012-10-17',
          Statement: [{ Effect: 'Deny', Principal: { AWS: '123456789012' }, Action: 'sts:AssumeRole' }],
        }),
      }),
    );
    const broken = await kon('account', 'verify', 'verified', '-o', 'json');
    expect(broken.code).toBe(1);
    expect(JSON.parse(broken.stdout)).toMatchObject({
      kind: 'AccountVerification',
      targets: [
        { target: 'production', proven: false, reason: 'AssumeRoleDenied' },
        { target: 'staging', proven: false, message: expect.stringContaining('STS refused') },
      ],
    });
  });
});

describe('several accounts', () => {
  it('are verified and planned by one command, whose exit code shows if any account is not proven or not in sync', async () => {
    for (const name of ['first', 'second'])
      await kon('account', 'create', name, '--policy', readOnly, '--target', 'production');
    const listed = (await kon('account', 'list', '-o', 'name')).stdout.trim().split('\n');
    const names = listed.filter((name) => /\/(?:first|second)$/.test(name));
    expect(names).toHaveLength(2);
    expect(await kon('account', 'verify', ...names)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /^ACCOUNT\tTARGET\tPROVEN\t.*\nfirst\tproduction\tyes\t.*\nsecond\tproduction\tyes\t.*\n$/,
      ),
    });
    const verified = await kon('account', 'verify', ...names, '-o', 'json');
    expect(JSON.parse(verified.stdout)).toMatchObject({
      kind: 'AccountVerificationList',
      items: [
        { account: 'first', targets: [{ target: 'production', proven: true }] },
        { account: 'second', targets: [{ target: 'production', proven: true }] },
      ],
    });
    const planned = await kon('account', 'plan', ...names);
    expect(planned.code).toBe(0);
    expect(planned.stdout.match(/^Account (first|second) on the cluster /gm)).toHaveLength(2);
    const removal = await kon('account', 'plan', ...names, '--delete', '-o', 'json');
    expect(removal.code).toBe(1);
    expect(JSON.parse(removal.stdout)).toMatchObject({
      kind: 'AccountPlanList',
      items: [{ account: 'first' }, { account: 'second' }],
    });
    expect((await kon('account', 'plan', ...names, '-f', 'x')).code).toBe(2);
  });
});

describe('kon account verify, when the outcome is unknown,', () => {
  it('exits with a code above 1, and names the missing information', async () => {
    await kon('account', 'create', 'asked', '--policy', readOnly);
    const may = ['--verb=get,list', '--resource=linkedserviceaccounts,clusterconfigs,serviceaccounts'];
    await world.cluster.kubectl(['create', 'clusterrole', 'looks', ...may]);
    await world.cluster.kubectl([
      'create',
      'clusterrolebinding',
      'looks',
      '--clusterrole=looks',
      '--user=viewer',
    ]);
    await untilPermitted(world.cluster, 'viewer', 'get linkedserviceaccounts.k11n.dev');
    const KUBECONFIG = await world.cluster.userKubeconfig('viewer');
    const forbidden = await world.kon.run(['account', 'verify', 'asked'], { env: { KUBECONFIG } });
    expect(forbidden).toMatchObject({ code: 3, stdout: '' });
    expect(forbidden.stderr).toContain('cannot create resource "serviceaccounts/token"');
    const AWS_ENDPOINT_URL = 'http://127.0.0.1:1';
    const unheard = await world.kon.run(['account', 'verify', 'asked'], { env: { AWS_ENDPOINT_URL } });
    expect(unheard).toMatchObject({ code: 3, stdout: '' });
    expect(unheard.stderr).toContain('ECONNREFUSED');
  });
});

describe('kon doctor', () => {
  it('reports the current number of roles in IAM', async () => {
    await kon('account', 'create', 'counted', '--policy', readOnly);
    const report = JSON.parse((await kon('doctor', '-o', 'json')).stdout) as {
      checks: { id: string; message?: string }[];
    };
    const { quotas } = Object.fromEntries(report.checks.map(({ id, message }) => [id, message]));
    const [used] = /(?<=roles: )\d+(?= of )/.exec(quotas ?? '') ?? [];
    const { Roles = [] } = await world.iam.send(new ListRolesCommand({}));
    expect(Roles.length).toBeGreaterThan(0);
    expect(Number(used)).toBe(Roles.length);
  });
});

describe('kon account can-i', () => {
  it('prints the statement that decides', async () => {
    await kon('account', 'create', 'asking', '--policy', readOnly);
    const yes = await kon('account', 'can-i', 'asking', 's3:GetObject', 'arn:aws:s3:::bucket/key');
    expect(yes).toMatchObject({ code: 0, stderr: '' });
    expect(yes.stdout).toContain('yes: the account asking allows s3:GetObject on arn:aws:s3:::bucket/key\n');
    expect(yes.stdout).toContain(`Decided by ${readOnly}:\n`);
    expect(yes.stdout).toContain('"s3:Get*"');
    expect(yes.stdout).toContain('Not evaluated: resource policies');
    const no = await kon('account', 'can-i', 'asking', 's3:PutObject', '-o', 'json');
    expect(no.code).toBe(1);
    expect(JSON.parse(no.stdout)).toMatchObject({
      kind: 'PolicyDecision',
      decision: 'implicitDeny',
      by: [],
    });
    for (const question of [['nonsense'], ['s3:*'], ['s3:GetObject', 'bucket/key']])
      expect(await kon('account', 'can-i', 'asking', ...question)).toMatchObject({ code: 2, stdout: '' });
  });
});

const object = 'arn:aws:s3:::bucket/key';

describe('kon who-can', () => {
  it('lists the accounts that may call the action, with the deciding statement', async () => {
    await kon('account', 'create', 'reader', '--policy', readOnly);
    await kon('account', 'create', 'reader2', '--policy', readOnly, '--policy', queues);
    const result = await kon('who-can', 's3:GetObject', object, '-o', 'json');
    expect(result, result.stderr).toMatchObject({ code: 0 });
    const { items } = JSON.parse(result.stdout) as { items: readonly { readonly account: string }[] };
    expect(items).toContainEqual(
      expect.objectContaining({
        account: 'reader',
        decision: 'allowed',
        by: [
          { policy: readOnly, statement: expect.stringContaining('"s3:Get*"') as string, isAttached: true },
        ],
        isComplete: true,
        isQuarantined: false,
        targets: [
          expect.objectContaining({ target: 'production', pods: [] }),
          expect.objectContaining({ target: 'staging', pods: [] }),
        ],
      }),
    );
    const table = await kon('who-can', 'sqs:ListQueues', '*', '--without', 'aws/AmazonSQSReadOnlyAccess');
    expect(table.stdout).toMatch(/^reader2\tallowed\t.*\tloses it\t/m);
    expect(table.stderr).toContain('Not evaluated: resource policies');
  });

  it('evaluates the boundary of the account, and exits with code 1 if no account may call the action', async () => {
    await kon('account', 'create', 'limited', '--policy', readOnly, '--boundary', queues);
    const { stdout } = await kon('who-can', 's3:GetObject', object, '-o', 'name');
    expect(stdout.split('\n')).not.toContain('limited');
    expect(await kon('who-can', 'iam:CreateUser', '*')).toMatchObject({ code: 1 });
    expect(await kon('who-can', 's3:*', '*')).toMatchObject({ code: 2, stdout: '' });
    expect(await kon('who-can', 's3:GetObject', object, '--without', 'NoSuch')).toMatchObject({ code: 3 });
  });

  it('evaluates inline policies that others added to a role, and exits with code 3 when these policies cannot be read', async () => {
    await kon('account', 'create', 'patched', '--policy', queues);
    const statement = { Effect: 'Allow', Action: 'sns:Publish', Resource: '*' };
    await world.iam.send(
      new PutRolePolicyCommand({
        RoleName: roleOf('patched'),
        PolicyName: 'by-hand',
        PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [statement] }),
      }),
    );
    const found = await kon('who-can', 'sns:Publish', '*');
    expect(found, found.stderr).toMatchObject({ code: 0 });
    expect(found.stdout).toMatch(/^patched\tallowed\t.*inline policy by-hand of /m);
    const blind = await world.kon.run(['who-can', 'sns:Publish', '*'], { env: world.nobodyEnv });
    expect(blind).toMatchObject({
      code: 3,
      stderr: expect.stringContaining(
        'inline policies that others put on a role could not be read',
      ) as string,
    });
    await world.iam.send(new DeleteRolePolicyCommand({ RoleName: roleOf('patched'), PolicyName: 'by-hand' }));
  });

  it('omits the pods for a user who is not permitted to list pods', async () => {
    await kon('account', 'create', 'podless', '--policy', readOnly);
    await world.cluster.kubectl([
      'create',
      'clusterrole',
      'asks',
      '--verb=get,list',
      '--resource=linkedserviceaccounts.k11n.dev,clusterconfigs.k11n.dev',
    ]);
    await world.cluster.kubectl([
      'create',
      'clusterrolebinding',
      'asks',
      '--clusterrole=asks',
      '--user=asker',
    ]);
    await untilPermitted(world.cluster, 'asker', 'list linkedserviceaccounts.k11n.dev');
    const KUBECONFIG = await world.cluster.userKubeconfig('asker');
    const asked = await world.kon.run(['who-can', 's3:GetObject', object], { env: { KUBECONFIG } });
    expect(asked).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^podless\tallowed\t[^\t]*\t\?\t/m) as string,
      stderr: expect.stringContaining('you are not permitted to list pods in production') as string,
    });
  });

  it('exits with code 3 when a policy cannot be read, because the answer is unknown', async () => {
    const { Policy } = await world.iam.send(
      new CreatePolicyCommand({
        PolicyName: 'team',
        PolicyDocument:
          '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ses:SendEmail","Resource":"*"}}',
      }),
    );
    await kon('account', 'create', 'mailer', '--policy', Policy?.Arn ?? '');
    expect(await kon('who-can', 'ses:SendEmail', '*')).toMatchObject({ code: 0 });
    const blind = await world.kon.run(['who-can', 'ses:SendEmail', '*'], { env: world.nobodyEnv });
    expect(blind).toMatchObject({
      code: 3,
      stdout: expect.stringMatching(/^mailer\tunknown\t/m),
      stderr: expect.stringContaining(`these policies could not be read: ${Policy?.Arn}`),
    });
  });
});

describe('kon policies users', () => {
  it('lists the accounts that have the policy attached or have it as their boundary', async () => {
    await kon('account', 'create', 'fenced', '--policy', readOnly, '--boundary', queues);
    const result = await kon('policies', 'users', 'AmazonSQSReadOnlyAccess');
    expect(result, result.stderr).toMatchObject({ code: 0 });
    expect(result.stdout).toMatch(/^fenced\tboundary\t-\t/m);
    expect(result.stdout).not.toMatch(/^fenced\tpolicy/m);
    expect(await kon('policies', 'users', 'AdministratorAccess')).toMatchObject({ code: 1 });
  });
});

describe('kon app can-i', () => {
  it("evaluates the permissions of the app's account", async () => {
    await kon('account', 'create', 'backend', '--policy', readOnly);
    await kon('app', 'create', 'shop', '--image', 'shop:1', '--account', 'backend', '--no-wait');
    const yes = await kon('app', 'can-i', 'shop', 's3:GetObject', object);
    expect(yes, yes.stderr).toMatchObject({ code: 0 });
    expect(yes.stdout).toContain(`yes: the account backend allows s3:GetObject on ${object}\n`);
    expect(await kon('app', 'can-i', 'shop', 's3:PutObject')).toMatchObject({ code: 1 });
    await kon('app', 'create', 'plain', '--image', 'shop:1', '--no-wait');
    const none = await kon('app', 'can-i', 'plain', 's3:GetObject');
    expect(none).toMatchObject({ code: 3, stderr: expect.stringContaining('app "plain" has no account') });
    expect((await kon('app', 'delete', 'shop', '--yes', '--no-wait')).code).toBe(0);
    expect((await kon('app', 'delete', 'plain', '--yes', '--no-wait')).code).toBe(0);
  });
});

describe('kon account edit --no-boundary', () => {
  it('removes the boundary from the role', async () => {
    const boundary = async (): Promise<string | undefined> => {
      const { Role } = await world.iam.send(new GetRoleCommand({ RoleName: roleOf('bounded') }));
      return Role?.PermissionsBoundary?.PermissionsBoundaryArn;
    };
    expect(
      (await kon('account', 'create', 'bounded', '--policy', readOnly, '--boundary', readOnly)).code,
    ).toBe(0);
    expect(await boundary()).toBe(readOnly);
    const freed = await kon('account', 'edit', 'bounded', '--no-boundary');
    expect(freed, freed.stderr).toMatchObject({ code: 0 });
    expect(await boundary()).toBeUndefined();
    const again = await kon('account', 'edit', 'bounded', '--no-boundary');
    expect(again.code).toBe(2);
    expect(again.stderr).toContain('the account has no boundary of its own');
    expect((await kon('account', 'delete', 'bounded', '--yes')).code).toBe(0);
  });
});

describe('kon target delete', () => {
  const subjects = async (account: string): Promise<string> => {
    const { Role } = await world.iam.send(new GetRoleCommand({ RoleName: roleOf(account) }));
    return decodeURIComponent(Role?.AssumeRolePolicyDocument ?? '');
  };

  it('is refused while an object names the target, and requires confirmation', async () => {
    await kon('account', 'create', 'named', '--policy', readOnly, '--target', 'staging');
    await kon('app', 'create', 'web', '--image', 'web:1', '--target', 'staging', '--no-wait');
    const refused = await kon('target', 'delete', 'staging', '--yes');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain(
      'Error: target "staging" is in use\n  app web names the target\n  account named names the target\n',
    );
    expect(refused.stderr).toContain('kon account edit named --target TARGET');
    await kon('app', 'delete', 'web', '--yes');
    await kon('account', 'delete', 'named', '--yes');
    expect(await kon('target', 'delete', 'staging')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--yes'),
    });
    expect(await kon('target', 'delete', 'nowhere', '--yes')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('has no target "nowhere"'),
    });
  });

  it('unlinks the accounts that apply to all targets, and keeps the namespace', async () => {
    expect((await kon('account', 'create', 'everywhere', '--policy', readOnly)).code).toBe(0);
    expect(await subjects('everywhere')).toContain('system:serviceaccount:staging:everywhere');
    const predicted = await kon('target', 'delete', 'staging', '--dry-run');
    expect(predicted).toMatchObject({ code: 0, stdout: 'target/staging deleted (dry run)\n' });
    expect(predicted.stderr).toMatch(
      /^Accounts that will not be linked in staging any more: .*everywhere.*\. AWS sessions of pods in staging may stay valid for up to 60m\. /,
    );
    const deleted = await kon('target', 'delete', 'staging', '--yes');
    expect(deleted).toEqual({
      code: 0,
      stdout: 'target/staging deleted\n',
      stderr: expect.stringMatching(
        /^No account is linked in staging any more\.\n(‼ .*\n)*‼ AWS sessions of staging\/everywhere .* may continue until \S+Z\. .*\n(‼ .*\n)*$/,
      ),
    });
    expect(await subjects('everywhere')).not.toContain('staging');
    expect(await subjects('everywhere')).toContain('system:serviceaccount:production:everywhere');
    const left = await world.cluster.kubectl(['get', 'namespace,sa', '-n', 'staging', '-o', 'name']);
    expect(left).toContain('namespace/staging\n');
    expect(left).not.toContain('everywhere');
    expect((await kon('target', 'create', 'staging')).code).toBe(0);
    expect((await kon('account', 'delete', 'everywhere', '--yes')).code).toBe(0);
  });
});

describe('an unlinked target', () => {
  it('is shown with the time until which its sessions can remain valid', async () => {
    await kon(
      'account',
      'create',
      'outlived',
      '--policy',
      readOnly,
      '--target',
      'production',
      '--target',
      'staging',
    );
    const started = Date.now();
    const edited = await kon('account', 'edit', 'outlived', '--target', 'production');
    const [, until = ''] =
      /AWS sessions of staging\/outlived from before .* may continue until (\S+Z)\./.exec(edited.stderr) ??
      [];
    const left = Date.parse(until) - started;
    expect(left).toBeGreaterThanOrEqual(3_600_000);
    expect(left).toBeLessThan(3_600_000 + 120_000);
    const shown = await kon('account', 'show', 'outlived');
    expect(shown.stdout).toMatch(new RegExp(`staging +${until}`));
    // Another edit does not repeat the note, and a target that is added back is removed from `formerTargets`.
    const again = await kon('account', 'edit', 'outlived', '--target', 'production', '--target', 'staging');
    expect(again.stderr).not.toContain('may continue until');
    const { stdout } = await kon('account', 'show', 'outlived', '-o', 'json');
    expect(JSON.parse(stdout)).not.toHaveProperty('status.formerTargets');
    await kon('account', 'delete', 'outlived', '--yes');
  });
});

describe('a removal of a target while pods run in the target', () => {
  const name = 'drained';
  const edit = (...args: string[]): Promise<Result> => kon('account', 'edit', name, ...args, '--no-wait');
  const trust = async (): Promise<string> => {
    const { Role } = await world.iam.send(new GetRoleCommand({ RoleName: roleOf(name) }));
    return decodeURIComponent(Role?.AssumeRolePolicyDocument ?? '');
  };
  const subject = 'system:serviceaccount:staging:drained';
  const pods = (): Promise<string> =>
    world.cluster.kubectl([
      'get',
      'lsa',
      name,
      '-o',
      'jsonpath={.status.targets[?(@.name=="staging")].pods.current}',
    ]);

  it('leaves these pods their AWS permissions until the pods end, and kon reports this', async () => {
    const both = ['--target', 'production', '--target', 'staging'];
    expect((await kon('account', 'create', name, '--policy', readOnly, ...both)).code).toBe(0);
    const roleArn = await world.cluster.kubectl(['get', 'lsa', name, '-o', 'jsonpath={.status.roleArn}']);
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'user', namespace: 'staging' },
      spec: {
        serviceAccountName: name,
        containers: [
          { name: 'main', image: 'nginx', env: injectedEnv(roleArn), volumeMounts: [injectedMount] },
        ],
        volumes: [injectedVolume],
      },
    };
    await world.cluster.kubectl(['create', '-f', '-'], JSON.stringify(pod));
    await eventually('the pod to be counted', async () => (await pods()) === '1' || undefined);
    const edited = await edit('--remove-target', 'staging');
    expect(edited).toMatchObject({ code: 0, stdout: 'linkedserviceaccount/drained edited\n' });
    expect(edited.stderr).toContain(
      'staging: 1 running pod of "drained" keeps its AWS permissions until it ends; to remove these permissions immediately: --now\n',
    );
    await world.cluster.kubectl([
      'wait',
      '--for=jsonpath={.status.conditions[?(@.type=="Ready")].reason}=StillInUse',
      `lsa/${name}`,
    ]);
    expect(await trust()).toContain(subject);
  });

  it('cuts off these pods immediately if --now is given and confirmed; the warning states how long AWS sessions may stay valid', async () => {
    expect((await edit('--target', 'production', '--target', 'staging')).code).toBe(0);
    const unconfirmed = await edit('--remove-target', 'staging', '--now');
    expect(unconfirmed).toMatchObject({ code: 2, stdout: '' });
    expect(unconfirmed.stderr).toContain(
      'staging: 1 running pod of "drained" can get no new credentials from now on; AWS sessions of pods in this target may stay valid for up to 60m\n',
    );
    expect(await trust()).toContain(subject);
    const confirmed = await edit('--remove-target', 'staging', '--now', '--yes');
    expect(confirmed, confirmed.stderr).toMatchObject({ code: 0 });
    await eventually(
      'the subject to be removed',
      async () => !(await trust()).includes(subject) || undefined,
    );
    await world.cluster.kubectl(['delete', 'pod', '-n', 'staging', 'user', '--force']);
    expect((await kon('account', 'delete', name, '--yes')).code).toBe(0);
  });
});

describe('a role without its account', () => {
  it('that was retained is listed, and is deleted only on request', async () => {
    await kon('account', 'create', 'kept', '--policy', readOnly, '--target', 'production');
    await kon('account', 'edit', 'kept', '--deletion-policy', 'Retain');
    await kon('account', 'delete', 'kept', '--yes');
    const role = roleOf('kept');
    const { Role: found } = await world.iam.send(new GetRoleCommand({ RoleName: role }));
    const tags = Object.fromEntries((found?.Tags ?? []).map(({ Key, Value }) => [Key, Value]));
    expect(tags).toEqual({ 'k11n.dev/retained': clusterArn, 'k11n.dev/account': 'kept' });

    const listed = await kon('account', 'orphans', '-o', 'json');
    expect(JSON.parse(listed.stdout)).toMatchObject({
      items: [
        {
          kind: 'retained',
          name: role,
          account: 'kept',
          attachedPolicyArns: [readOnly],
          letsIn: ['production/kept'],
        },
      ],
    });
    const doctor = await kon('doctor', '-o', 'json');
    expect(doctor.stdout).toContain(
      `${role}, retained by the account kept: 1 policy, trusts production/kept`,
    );

    const unasked = await kon('account', 'orphans', '--delete', '--yes');
    expect(unasked).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('1 retained role is not deleted'),
    });
    await world.iam.send(new GetRoleCommand({ RoleName: role }));
    expect(await kon('account', 'orphans', '--retained')).toMatchObject({ code: 2 });
    const asked = await kon('account', 'orphans', '--delete', '--retained', '--yes');
    expect(asked).toMatchObject({ code: 0, stderr: `${role}: deleted\n` });
    await expect(world.iam.send(new GetRoleCommand({ RoleName: role }))).rejects.toMatchObject({
      name: 'NoSuchEntityException',
    });
  });
});

describe('the last use', () => {
  it('of an account is reported after the next drift pass, as the day on which its credentials signed a call', async () => {
    for (const name of ['used', 'idle']) {
      const created = await kon('account', 'create', name, '--policy', readOnly);
      expect(created, created.stderr).toMatchObject({ code: 0 });
    }
    expect((await kon('account', 'show', 'used')).stdout).toMatch(
      /^Last used: +never since 2\d{3}-\d\d-\d\d, when its role was created$/m,
    );

    const token = ['create', 'token', 'used', '-n', 'staging', '--audience', 'sts.amazonaws.com'];
    const sts = new STSClient({
      endpoint: world.aws.url,
      region,
      credentials: { accessKeyId: '', secretAccessKey: '' },
    });
    const { Role } = await world.iam.send(new GetRoleCommand({ RoleName: roleOf('used') }));
    const { Credentials } = await sts.send(
      new AssumeRoleWithWebIdentityCommand({
        RoleArn: Role?.Arn,
        RoleSessionName: 'pod',
        WebIdentityToken: (await world.cluster.kubectl(token)).trim(),
      }),
    );
    const credentials = {
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken ?? '',
    };
    const session = new STSClient({ endpoint: world.aws.url, region, credentials });
    await session.send(new GetCallerIdentityCommand({}));
    sts.destroy();
    session.destroy();

    // A change of the interval starts a drift pass immediately.
    const interval = JSON.stringify({ spec: { aws: { driftIntervalSeconds: 300 } } });
    await world.cluster.kubectl(['patch', 'clusterconfig', clusterName, '--type=merge', '-p', interval]);
    const day = await eventually('the last use to be reported', async () => {
      const path = 'jsonpath={.status.lastUsed.date}';
      return (await world.cluster.kubectl(['get', 'lsa', 'used', '-o', path])) || undefined;
    });
    const { Role: used } = await world.iam.send(new GetRoleCommand({ RoleName: roleOf('used') }));
    expect(used?.RoleLastUsed?.LastUsedDate?.toISOString().slice(0, 10)).toBe(day);
    const rows = (await kon('account', 'list', 'used', 'idle')).stdout.split('\n');
    expect(rows.map((row) => row.split('\t').at(-1))).toEqual(['LAST USED', day, 'never', '']);
    expect((await kon('account', 'show', 'used')).stdout).toContain(`${day} (today)`);
    // Both roles are new, so it is unknown whether either role has been unused for a day.
    expect(await kon('account', 'list', 'used', 'idle', '--unused', '1d', '-o', 'name')).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
    expect((await kon('account', 'delete', 'used', 'idle', '--yes')).code).toBe(0);
  });
});

describe('orphaned roles', () => {
  it('are also found and deleted when nothing of Konstellation is left on the cluster', async () => {
    await kon('account', 'create', 'orphaned', '--policy', readOnly);
    expect(await kon('account', 'orphans')).toMatchObject({
      code: 0,
      stderr: `Every role of ${clusterArn} has an account.\n`,
    });
    // Simulates an abandoned cluster, where no operator processes the finalizer.
    await world.stopOperator();
    await world.cluster.kubectl(['delete', 'crd', '--all', '--wait=false']);
    for (const name of (await world.cluster.kubectl(['get', 'lsa', '-o', 'name'])).trim().split('\n'))
      await world.cluster
        .kubectl(['patch', name, '--type=merge', '-p', '{"metadata":{"finalizers":null}}'])
        .catch(() => '');
    await world.cluster.kubectl(['wait', '--for=delete', 'crd', '--all', '--timeout=30s']);
    const unknown = await kon('account', 'orphans');
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('--cluster-arn arn:aws:eks:') });
    // The role belongs to another cluster of the same name. That cluster may still exist.
    await world.iam.send(
      new CreateRoleCommand({
        RoleName: 'of-another-issuer',
        AssumeRolePolicyDocument: JSON.stringify({
          Version: '2012-10-17',
          Statement: [
            { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' },
          ],
        }),
        Tags: Object.entries({
          'k11n.dev/managed-by': 'konstellation',
          'k11n.dev/cluster': clusterArn,
          'k11n.dev/account': 'orphaned',
          'k11n.dev/issuer': 'oidc.example.com/id/OTHER',
        }).map(([Key, Value]) => ({ Key, Value })),
      }),
    );
    const listed = await kon('account', 'orphans', '--cluster-arn', clusterArn, '-o', 'name');
    expect(listed.stdout).not.toContain('of-another-issuer');
    const table = await kon('account', 'orphans', '--cluster-arn', clusterArn);
    expect(table.stdout.split('\n')[0]).toBe('KIND\tROLE\tACCOUNT\tPOLICIES\tTRUSTS\tINLINE\tADOPTED\tARN');
    expect(listed.stderr).toContain('Skipped: 1 role with another token issuer');
    expect(listed.stdout.split('\n')).toContain(roleOf('orphaned'));
    const unasked = await kon('account', 'orphans', '--cluster-arn', clusterArn, '--delete');
    expect(unasked).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') });
    const deleted = await kon('account', 'orphans', '--cluster-arn', clusterArn, '--delete', '--yes');
    expect(deleted.code).toBe(0);
    const issuer = ['--issuer', 'https://oidc.example.com/id/OTHER'];
    const stated = await kon('account', 'orphans', '--cluster-arn', clusterArn, ...issuer, '-o', 'name');
    expect(stated.stdout).toBe('of-another-issuer\n');
    expect(deleted.stderr).toContain(`${roleOf('orphaned')}: deleted\n`);
    await expect(world.iam.send(new GetRoleCommand({ RoleName: roleOf('orphaned') }))).rejects.toMatchObject({
      name: 'NoSuchEntityException',
    });
  });
});
