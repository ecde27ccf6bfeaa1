/** LinkedServiceAccounts, Apps and ClusterConfigs that a real API server accepts or rejects. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { crds } from '../../../src/api/index.ts';
import { startControlPlane, untilServed, type TestControlPlane } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';

let cluster: TestControlPlane;

const account = (spec: object, name = 'myaccount'): string =>
  stringify({ apiVersion: 'k11n.dev/v1alpha1', kind: 'LinkedServiceAccount', metadata: { name }, spec });
const app = (spec: object, name = 'myapp'): string =>
  stringify({ apiVersion: 'k11n.dev/v1alpha1', kind: 'App', metadata: { name }, spec });
const config = (aws: object, name = 'main'): string =>
  stringify({
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'ClusterConfig',
    metadata: { name },
    spec: { targets: ['production'], aws: { region: 'us-west-2', ...aws } },
  });
const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';

const dryRun = (manifest: string): Promise<string> =>
  cluster.kubectl(['create', '--dry-run=server', '-o', 'json', '-f', '-'], manifest);

beforeAll(async () => {
  cluster = await startControlPlane();
  await cluster.kubectl(
    ['apply', '-f', '-'],
    crds()
      .map((crd) => stringify(crd))
      .join('---\n'),
  );
  await cluster.kubectl([
    'wait',
    '--for=condition=Established',
    '--timeout=30s',
    ...crds().map((crd) => `crd/${crd.metadata.name}`),
  ]);
  await untilServed(cluster, crds());
});
afterAll(() => cluster?.stop());

describe('a LinkedServiceAccount', () => {
  it('is accepted with nothing but policy ARNs, and gets the default deletion policy', async () => {
    const created = JSON.parse(await dryRun(account({ aws: { policyArns: [readOnly] } }))) as {
      spec: unknown;
    };
    expect(created.spec).toEqual({ aws: { policyArns: [readOnly] }, deletionPolicy: 'Delete' });
  });

  it.each([
    ['a role ARN', 'arn:aws:iam::123456789012:role/x'],
    ['a name', 'AmazonS3ReadOnlyAccess'],
    ['an ARN with an account ID of eleven digits', 'arn:aws:iam::12345678901:policy/x'],
    ['an ARN with a space', 'arn:aws:iam::aws:policy/Amazon S3'],
  ])('is refused if a policy ARN is %s, and the message names the field', async (_what, arn) => {
    await expect(dryRun(account({ aws: { policyArns: [readOnly, arn] } }))).rejects.toThrow(
      /spec\.aws\.policyArns\[1\].*should match/s,
    );
  });

  it.each([
    ['AWS China', 'arn:aws-cn:iam::aws:policy/AmazonS3ReadOnlyAccess'],
    ['GovCloud', 'arn:aws-us-gov:iam::aws:policy/AmazonS3ReadOnlyAccess'],
    ['a path', 'arn:aws:iam::aws:policy/service-role/AWSLambdaRole'],
    ['a customer policy with a path', 'arn:aws:iam::123456789012:policy/team/payments/Read+Write=,.@-_'],
  ])('is accepted with a policy ARN of %s', async (_what, arn) => {
    await expect(dryRun(account({ aws: { policyArns: [arn] } }))).resolves.toContain(arn);
  });

  it('is refused when it lists a policy twice', async () => {
    await expect(dryRun(account({ aws: { policyArns: [readOnly, readOnly] } }))).rejects.toThrow(
      /Duplicate value/,
    );
  });

  it('is refused if it lists more policies than IAM allows for any role', async () => {
    const policyArns = Array.from({ length: 26 }, (_, index) => `${readOnly}${index}`);
    await expect(dryRun(account({ aws: { policyArns } }))).rejects.toThrow(/must have at most 25 items/);
  });

  it('is refused if it has an unknown field, and the message names the field', async () => {
    await expect(dryRun(account({ aws: { policyArns: [], policies: [] } }))).rejects.toThrow(
      /unknown field "spec\.aws\.policies"/,
    );
  });

  it('is refused without spec.aws', async () => {
    await expect(dryRun(account({}))).rejects.toThrow(/spec\.aws: Required value/);
  });

  it.each(['My_Account', 'a..b', '-a', ''])('cannot be named "%s"', async (name) => {
    await expect(dryRun(account({ aws: { policyArns: [] } }, name))).rejects.toThrow(
      /Invalid value|name is required|name or generateName/,
    );
  });

  it('is refused if a tag key is reserved for Konstellation or for AWS', async () => {
    for (const key of [
      'k11n.dev/managed-by',
      'K11N.dev/account',
      'aws:x',
      'AWS:x',
      'kubernetes-namespace',
      'EKS-cluster-name',
    ]) {
      await expect(dryRun(account({ aws: { policyArns: [], tags: { [key]: 'x' } } }))).rejects.toThrow(
        /must not start, in any case, with/,
      );
    }
    await expect(
      dryRun(account({ aws: { policyArns: [], tags: { Team: 'a', team: 'b' } } })),
    ).rejects.toThrow(/two tag keys differ only in case/);
    await expect(dryRun(account({ aws: { policyArns: [], tags: { team: 'payments' } } }))).resolves.toContain(
      'payments',
    );
  });

  it('is refused if IAM does not allow its session duration', async () => {
    for (const maxSessionDuration of [3599, 43201]) {
      await expect(dryRun(account({ aws: { policyArns: [], maxSessionDuration } }))).rejects.toThrow(
        /maxSessionDuration/,
      );
    }
  });

  it('cannot change its role name, and is refused if it sets adopt without roleName', async () => {
    const named = { aws: { policyArns: [], roleName: 'theirs', adopt: true } };
    await cluster.kubectl(['create', '-f', '-'], account(named, 'named'));
    await expect(
      cluster.kubectl(['apply', '-f', '-'], account({ aws: { policyArns: [], roleName: 'other' } }, 'named')),
    ).rejects.toThrow(/roleName cannot be changed/);
    await expect(
      cluster.kubectl(['replace', '-f', '-'], account({ aws: { policyArns: [] } }, 'named')),
    ).rejects.toThrow(/roleName cannot be changed/);
    await expect(dryRun(account({ aws: { policyArns: [], adopt: true } }))).rejects.toThrow(
      /adopt needs roleName/,
    );
  });

  it('is refused if a target is not a valid namespace name or is listed twice', async () => {
    await expect(dryRun(account({ targets: ['Production'], aws: { policyArns: [] } }))).rejects.toThrow(
      /spec\.targets\[0\]/,
    );
    await expect(dryRun(account({ targets: ['a', 'a'], aws: { policyArns: [] } }))).rejects.toThrow(
      /Duplicate value/,
    );
  });

  it('is listed with its name, status and other main columns', async () => {
    await cluster.kubectl(['create', '-f', '-'], account({ aws: { policyArns: [readOnly] } }, 'columns'));
    const header = (await cluster.kubectl(['get', 'lsa'])).split('\n')[0];
    expect(header?.split(/\s{2,}/)).toEqual([
      'NAME',
      'READY',
      'REASON',
      'ROLE',
      'TARGETS',
      'POLICIES',
      'AGE',
    ]);
  });

  it('cannot be given a status by a user who may only write accounts', async () => {
    const manifest = stringify({
      apiVersion: 'k11n.dev/v1alpha1',
      kind: 'LinkedServiceAccount',
      metadata: { name: 'liar' },
      spec: { aws: { policyArns: [] } },
      status: { roleArn: 'arn:aws:iam::123456789012:role/admin' },
    });
    const created = JSON.parse(await cluster.kubectl(['create', '-o', 'json', '-f', '-'], manifest)) as {
      status?: unknown;
    };
    expect(created.status).toEqual({ observedGeneration: -1 });
  });
});

describe('an App', () => {
  const minimal = { image: 'nginx', targets: [{ name: 'production' }] };

  it('is accepted with only an image and a target', async () => {
    const created = JSON.parse(await dryRun(app(minimal))) as { spec: unknown };
    expect(created.spec).toEqual({ image: 'nginx', targets: [{ name: 'production', deployMode: 'latest' }] });
  });

  it('is refused if its name is not a valid Service name', async () => {
    for (const name of ['1app', 'my.app', 'a'.repeat(64)]) {
      await expect(dryRun(app(minimal, name))).rejects.toThrow(/also the name of its Service/);
    }
  });

  it('is refused if it lists no target or lists a target twice', async () => {
    await expect(dryRun(app({ image: 'nginx', targets: [] }))).rejects.toThrow(/spec\.targets/);
    await expect(dryRun(app({ ...minimal, targets: [{ name: 'a' }, { name: 'a' }] }))).rejects.toThrow(
      /Duplicate value/,
    );
  });

  it('is refused if its ServiceAccount name is invalid or if it has an unknown field', async () => {
    await expect(dryRun(app({ ...minimal, serviceAccount: 'My_Account' }))).rejects.toThrow(
      /spec\.serviceAccount/,
    );
    await expect(dryRun(app({ ...minimal, serviceaccount: 'x' }))).rejects.toThrow(
      /unknown field "spec\.serviceaccount"/,
    );
  });

  it('is refused if a quantity or a port is invalid', async () => {
    await expect(dryRun(app({ ...minimal, resources: { requests: { cpu: 'lots' } } }))).rejects.toThrow(
      /spec\.resources\.requests\.cpu/,
    );
    await expect(dryRun(app({ ...minimal, ports: [{ name: 'http', port: 70000 }] }))).rejects.toThrow(
      /spec\.ports\[0\]\.port/,
    );
  });
});

describe('a ClusterConfig', () => {
  it('is refused if a tag key is reserved for Konstellation or for AWS', async () => {
    for (const key of ['K11N.dev/account', 'Aws:x', 'Kubernetes-namespace', 'eks-cluster-arn'])
      await expect(dryRun(config({ tags: { [key]: 'x' } }))).rejects.toThrow(
        /must not start, in any case, with/,
      );
    await expect(dryRun(config({ tags: { Team: 'a', tEAM: 'b' } }))).rejects.toThrow(
      /two tag keys differ only in case/,
    );
    await expect(dryRun(config({ tags: { team: 'a' } }))).resolves.toContain('team');
  });

  it('gets its defaults', async () => {
    const created = JSON.parse(await dryRun(config({}))) as { spec: { aws: unknown } };
    expect(created.spec.aws).toEqual({
      region: 'us-west-2',
      rolePath: '/konstellation/',
      driftIntervalSeconds: 60,
    });
  });

  it.each([
    ['region', { region: 'Oregon' }],
    ['accountId', { accountId: '123' }],
    ['oidcIssuer', { oidcIssuer: 'http://example.com' }],
    ['rolePath', { rolePath: 'konstellation' }],
    ['rolePath', { rolePath: '/' }],
    ['rolePath', { rolePath: '/*/' }],
    ['rolePath', { rolePath: '/a?/' }],
    ['rolePath', { rolePath: '/${aws:username}/' }],
    ['rolePath', { rolePath: '/${aws:username}*/' }],
    ['rolePath', { rolePath: '/a//' }],
    ['rolePath', { rolePath: '/a/\n' }],
  ])('is refused if its %s is invalid', async (field, aws) => {
    await expect(dryRun(config(aws))).rejects.toThrow(new RegExp(`spec\\.aws\\.${field}`));
  });

  it('that an earlier version stored with the role path "/" stays editable and keeps this path', async () => {
    const before = readFileSync(
      join(import.meta.dirname, '../../../src/api/history/v0.1.0/clusterconfigs.k11n.dev.yaml'),
      'utf8',
    );
    const now = crds().find(({ metadata }) => metadata.name === 'clusterconfigs.k11n.dev');
    await cluster.kubectl(['replace', '-f', '-'], before);
    await eventually('the earlier schema to count', () =>
      cluster.kubectl(['create', '-f', '-'], config({ rolePath: '/' }, 'earlier')).catch(() => undefined),
    );
    await cluster.kubectl(['replace', '-f', '-'], stringify(now));
    await eventually('the present schema to count', async () =>
      (await dryRun(config({ rolePath: '/' }, 'later')).catch(() => undefined)) === undefined
        ? true
        : undefined,
    );
    const patch = (change: object, ...args: string[]): Promise<string> =>
      cluster.kubectl([
        'patch',
        'clusterconfig',
        'earlier',
        '--type=merge',
        '-o',
        'jsonpath={.spec.aws.rolePath}',
        `--patch=${JSON.stringify(change)}`,
        ...args,
      ]);
    expect(await patch({ spec: { targets: ['production', 'staging'] } })).toBe('/');
    expect(await patch({ spec: { aws: { strictInline: true } } })).toBe('/');
    expect(await patch({ status: { accountId: '123456789012' } }, '--subresource=status')).toBe('/');
    await expect(patch({ spec: { aws: { rolePath: '/*/' } } })).rejects.toThrow(/spec\.aws\.rolePath/);
    expect(await patch({ spec: { aws: { rolePath: '/konstellation/main/' } } })).toBe('/konstellation/main/');
  });
});
