/** Commands that move accounts between clusters or tools (import, export, copy), and the history of an account. */
import { readFile } from 'node:fs/promises';
import { AttachRolePolicyCommand, CreateRoleCommand, GetRoleCommand } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountId, startAwsCluster, type AwsCluster } from './aws-cluster.ts';
import type { Result } from './kon.ts';

const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';

let world: AwsCluster;
const kon = (...args: string[]): Promise<Result> => world.kon.run(args);

beforeAll(async () => {
  world = await startAwsCluster();
  await world.startOperator();
  await world.configure(['production', 'staging']);
});

afterAll(() => world?.stop());

async function eksctlRole(RoleName: string, subject: string): Promise<void> {
  const host = world.cluster.issuer.slice('https://'.length);
  await world.iam.send(
    new CreateRoleCommand({
      RoleName,
      AssumeRolePolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Federated: `arn:aws:iam::${accountId}:oidc-provider/${host}` },
            Action: 'sts:AssumeRoleWithWebIdentity',
            Condition: { StringEquals: { [`${host}:sub`]: subject, [`${host}:aud`]: 'sts.amazonaws.com' } },
          },
        ],
      }),
    }),
  );
  await world.iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn: readOnly }));
}

const apply = (object: object): Promise<string> =>
  world.cluster.kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', ...object }));

describe('kon account import', () => {
  it('creates an account from a role and a ServiceAccount of eksctl, and kon account verify then proves the account', async () => {
    await eksctlRole('eksctl-payments', 'system:serviceaccount:production:payments');
    await world.cluster.kubectl(
      ['apply', '-f', '-'],
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: {
          namespace: 'production',
          name: 'payments',
          annotations: { 'eks.amazonaws.com/role-arn': `arn:aws:iam::${accountId}:role/eksctl-payments` },
        },
      }),
    );
    const dry = await kon('account', 'import', '--role', 'eksctl-payments', '--dry-run');
    expect(dry.code).toBe(0);
    expect(dry.stdout).toContain('  name: payments\n');
    expect(dry.stdout).toContain('    roleName: eksctl-payments\n');
    expect(dry.stderr).toContain('‼ The ServiceAccount production/payments, which has the role');
    expect(await world.cluster.kubectl(['get', 'lsa', '-o', 'name'])).toBe('');
    expect(await kon('account', 'import', '--role', 'eksctl-payments')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--yes'),
    });
    const take = ['--role', 'eksctl-payments', '--take-service-accounts', '--yes'];
    const real = await kon('account', 'import', ...take);
    expect(real).toMatchObject({ code: 0, stdout: 'linkedserviceaccount/payments created\n' });
    const { Role: role } = await world.iam.send(new GetRoleCommand({ RoleName: 'eksctl-payments' }));
    expect(role?.Tags).toContainEqual({ Key: 'k11n.dev/account', Value: 'payments' });
    expect((await kon('account', 'verify', 'payments')).code).toBe(0);
    expect(await kon('account', 'import', '--role', 'eksctl-payments')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('belongs to the account payments on arn:aws:eks:'),
    });
  });

  it('refuses to remove access from running pods, and the operator refuses the same when the account is written without kon', async () => {
    await eksctlRole('legacy-irsa', 'system:serviceaccount:production:legacy');
    const roleArn = `arn:aws:iam::${accountId}:role/legacy-irsa`;
    const metadata = { namespace: 'production', name: 'legacy' };
    await apply({
      kind: 'ServiceAccount',
      metadata: { ...metadata, annotations: { 'eks.amazonaws.com/role-arn': roleArn } },
    });
    const env = [
      { name: 'AWS_ROLE_ARN', value: roleArn },
      {
        name: 'AWS_WEB_IDENTITY_TOKEN_FILE',
        value: '/var/run/secrets/eks.amazonaws.com/serviceaccount/token',
      },
    ];
    await apply({
      kind: 'Pod',
      metadata,
      spec: { serviceAccountName: 'legacy', containers: [{ name: 'app', image: 'app', env }] },
    });
    const trustOf = async (): Promise<string> => {
      const { Role: role } = await world.iam.send(new GetRoleCommand({ RoleName: 'legacy-irsa' }));
      return decodeURIComponent(role?.AssumeRolePolicyDocument ?? '');
    };
    const before = await trustOf();

    const refused = await kon('account', 'import', '--role', 'legacy-irsa', '--yes');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('‼ Loses access: production/legacy: the running pod legacy');
    expect(refused.stderr).toContain('role "legacy-irsa" is in use');
    expect(refused.stderr).toContain('kon account import legacy --role legacy-irsa --take-service-accounts');
    expect(await world.cluster.kubectl(['get', 'lsa', 'legacy', '--ignore-not-found'])).toBe('');

    await apply({
      apiVersion: 'k11n.dev/v1alpha1',
      kind: 'LinkedServiceAccount',
      metadata: { name: 'legacy' },
      spec: {
        targets: ['production'],
        aws: { policyArns: [readOnly], roleName: 'legacy-irsa', adopt: true },
        deletionPolicy: 'Retain',
      },
    });
    const condition = '--for=jsonpath={.status.conditions[?(@.type=="Ready")].reason}=AdoptionBlocked';
    await world.cluster.kubectl(['wait', 'lsa/legacy', condition, '--timeout=30s']);
    expect(await trustOf()).toBe(before);
    const shown = await kon('account', 'show', 'legacy');
    expect(shown.stdout).toContain('production/legacy (ServiceAccount legacy)');
    // Once the ServiceAccount has the account label, the operator accepts the ServiceAccount and adopts its role
    // without further steps.
    await world.cluster.kubectl(['label', 'sa', '-n', 'production', 'legacy', 'k11n.dev/account=legacy']);
    await world.cluster.kubectl(['wait', 'lsa/legacy', '--for=condition=Ready', '--timeout=30s']);
    expect(await trustOf()).toContain('system:serviceaccount:production:legacy');
  });

  it('refuses a role that does not exist', async () => {
    const result = await kon('account', 'import', '--role', 'nope');
    expect(result).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('role "nope" not found in IAM'),
    });
    expect((await kon('account', 'import')).code).toBe(2);
  });
});

describe('kon account', () => {
  it('export prints a manifest that names policies by name and can be applied unchanged', async () => {
    await kon('account', 'create', 'exported', '--policy', readOnly, '--target', 'staging', '--no-wait');
    const { stdout, code } = await kon('account', 'export', 'exported');
    expect(code).toBe(0);
    expect(stdout).toBe(`apiVersion: k11n.dev/v1alpha1
kind: LinkedServiceAccount
metadata:
  name: exported
spec:
  aws:
    policyNames:
      - aws/AmazonS3ReadOnlyAccess
  deletionPolicy: Delete
  targets:
    - staging
`);
    const all = await kon('account', 'export', '-o', 'json');
    const { items } = JSON.parse(all.stdout) as { items: { metadata: { name: string } }[] };
    expect(items.map(({ metadata }) => metadata.name)).toContain('exported');
    const again = await world.kon.run(['apply', '-f', '-', '--no-wait'], { input: stdout });
    expect(again.code).toBe(0);
  });

  it('copy copies an account to the cluster of another context', async () => {
    // The same cluster under another context name, with another account name, represents a second cluster.
    const here = await readFile(world.cluster.kubeconfig, 'utf8');
    const context = /current-context: "?([^"\n]+)/.exec(here)?.[1] ?? '';
    await kon('account', 'create', 'source', '--policy', readOnly);
    const result = await kon('account', 'copy', 'source', '--to-context', context, '--new-name', 'copied');
    const former = await kon('account', 'copy', 'source', '--to-context', context, '--as', 'other');
    expect(former).toMatchObject({ code: 2, stderr: expect.stringContaining('pass --new-name NAME') });
    expect(result).toMatchObject({ code: 0, stdout: 'linkedserviceaccount/copied created\n' });
    expect((await kon('account', 'verify', 'copied')).code).toBe(0);
    expect(await kon('account', 'copy', 'source', '--to-context', context)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('account "source" already exists'),
    });
    expect(await kon('account', 'copy', 'source', '--to-context', 'nope')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('context "nope" does not exist'),
    });
  });
});

describe('kon account history', () => {
  it("shows the operator's Events and the transitions of conditions", async () => {
    await kon('account', 'create', 'lived', '--policy', readOnly);
    const table = await kon('account', 'history', 'lived');
    expect(table.code).toBe(0);
    const rows = table.stdout
      .trim()
      .split('\n')
      .map((line) => line.split('\t'));
    expect(rows[0]).toEqual(['TIME', 'AGE', 'WHAT', 'REASON', 'COUNT', 'MESSAGE']);
    expect(rows.map((row) => row[3])).toEqual(
      expect.arrayContaining(['Created', 'SpecWritten', 'Ready=True']),
    );
    const { stdout } = await kon('account', 'history', 'lived', '-o', 'json');
    const { items } = JSON.parse(stdout) as { items: { time: string; kind: string }[] };
    const times = items.map(({ time }) => Date.parse(time));
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect((await kon('account', 'history', 'nope')).code).toBe(1);
  });
});
