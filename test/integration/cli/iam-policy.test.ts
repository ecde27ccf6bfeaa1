/** `kon iam-policy` as a user runs it: from a file, and from the cluster. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { operatorPolicy } from '../../../src/identity/index.ts';
import { startControlPlane, type TestControlPlane } from '../../support/cluster.ts';
import { installCrds } from './crds.ts';
import { prepareKon, type Kon } from './kon.ts';

const boundary = 'arn:aws:iam::123456789012:policy/boundary';
const manifest = (aws: object): string =>
  stringify({
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'ClusterConfig',
    metadata: { name: 'main' },
    spec: { targets: ['production'], aws: { region: 'eu-west-1', ...aws } },
  });
const bounded = { accountId: '123456789012', permissionsBoundaryArn: boundary };
const expected = operatorPolicy({
  clusterArn: 'arn:aws:eks:eu-west-1:123456789012:cluster/main',
  rolePath: '/konstellation/',
  permissionsBoundaryArns: [boundary],
  adoption: false,
});

let kon: Kon;
beforeAll(async () => {
  kon = await prepareKon();
});
afterAll(() => kon?.remove());

describe('kon iam-policy -f, without a cluster,', () => {
  it('prints the policy that the ClusterConfig requires', async () => {
    const { code, stdout, stderr } = await kon.run(['iam-policy', '-f', '-'], { input: manifest(bounded) });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual(expected);
  });

  it('prints the policy as YAML with -o yaml', async () => {
    const { stdout } = await kon.run(['iam-policy', '-f', '-', '-o', 'yaml'], { input: manifest(bounded) });
    expect(parse(stdout)).toEqual(expected);
  });

  it('requires the option --account-id if the file contains no AWS account ID', async () => {
    const unknown = await kon.run(['iam-policy', '-f', '-'], { input: manifest({}) });
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('the ClusterConfig names no AWS account');
    expect(unknown.stderr).toContain('--account-id');
    const given = await kon.run(['iam-policy', '-f', '-', '--account-id', '123456789012'], {
      input: manifest({ permissionsBoundaryArn: boundary }),
    });
    expect(JSON.parse(given.stdout)).toEqual(expected);
    expect((await kon.run(['iam-policy', '--account-id', '12'])).code).toBe(2);
  });

  it('warns when the ClusterConfig has more patterns than fit into an IAM policy', async () => {
    const allowedPolicyArns = Array.from(
      { length: 200 },
      (_, index) => `arn:aws:iam::123456789012:policy/a-path-that-is-rather-long/${index}/*`,
    );
    const { code, stderr } = await kon.run(['iam-policy', '-f', '-'], {
      input: manifest({ ...bounded, allowedPolicyArns }),
    });
    expect(code).toBe(0);
    expect(stderr).toContain('IAM allows 10240');
  });

  it('refuses a ClusterConfig without an effective limit, unless the options contain a limit or --unbounded', async () => {
    const run = (aws: object, ...args: string[]) =>
      kon.run(['iam-policy', '-f', '-', '--account-id', '123456789012', ...args], { input: manifest(aws) });
    for (const aws of [{}, { allowedPolicyArns: ['arn:aws:iam::aws:policy/*'] }]) {
      const refused = await run(aws);
      expect(refused).toMatchObject({ code: 2, stdout: '' });
      for (const way of ['--boundary ARN', '--allow-policy ', 'permissionsBoundaryArn', '--unbounded'])
        expect(refused.stderr).toContain(way);
    }
    const accepted = await run({}, '--unbounded');
    expect(accepted.code).toBe(0);
    expect(accepted.stderr).toContain(
      "Warning: the operator's AWS credentials control the AWS account: whoever has them can create a role with arn:aws:iam::aws:policy/AdministratorAccess",
    );
    expect(accepted.stdout).not.toContain(boundary);
    const limited = await run({}, '--boundary', boundary);
    expect(limited.code).toBe(0);
    expect(limited.stderr).toContain('until spec.aws.permissionsBoundaryArn of the ClusterConfig is');
    expect(JSON.parse(limited.stdout)).toEqual(expected);
    const listed = await run({}, '--allow-policy', 'arn:aws:iam::aws:policy/AmazonS3*');
    expect(listed).toMatchObject({ code: 0, stderr: '' });
    expect(listed.stdout).toContain('"arn:aws:iam::aws:policy/AmazonS3*"');
    expect(await run({}, '--boundary', 'boundary')).toMatchObject({ code: 2, stdout: '' });
  });

  it.each(['/', '/*/', '/${aws:username}/'])('refuses the role path %s', async (rolePath) => {
    const refused = await kon.run(['iam-policy', '-f', '-'], { input: manifest({ ...bounded, rolePath }) });
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('rolePath');
  });

  it('refuses a file that is not a ClusterConfig', async () => {
    const { code, stderr, stdout } = await kon.run(['iam-policy', '-f', '-'], { input: 'kind: Pod\n' });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('kind');
  });
});

describe('kon iam-policy with a cluster', () => {
  let cluster: TestControlPlane;
  beforeAll(async () => {
    cluster = await startControlPlane();
    await installCrds(cluster, kon);
  });
  afterAll(() => cluster?.stop());

  it('reports a missing ClusterConfig, and otherwise derives the IAM policy from the ClusterConfig', async () => {
    const run = () => kon.run(['iam-policy'], { env: { KUBECONFIG: cluster.kubeconfig } });
    const before = await run();
    expect(before.code).toBe(1);
    expect(before.stderr).toContain('no ClusterConfig');
    await cluster.kubectl(['apply', '-f', '-'], manifest(bounded));
    const { code, stdout } = await run();
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(expected);
    // The account sets the tag `team`, which the policy does not allow yet. After the ClusterConfig lists this tag key,
    // the policy allows it.
    await cluster.kubectl(
      ['apply', '-f', '-'],
      stringify({
        apiVersion: 'k11n.dev/v1alpha1',
        kind: 'LinkedServiceAccount',
        metadata: { name: 'tagged' },
        spec: { aws: { policyArns: [], tags: { team: 'a', app: 'b' } } },
      }),
    );
    await cluster.kubectl(['apply', '-f', '-'], manifest({ ...bounded, tags: { app: 'x' } }));
    const warned = await run();
    expect(warned.stderr).toContain('tagged (team); add the keys to spec.aws.allowedTagKeys');
    expect(warned.stdout).not.toContain('"team"');
    await cluster.kubectl(
      ['apply', '-f', '-'],
      manifest({ ...bounded, tags: { app: 'x' }, allowedTagKeys: ['team'] }),
    );
    const admitted = await run();
    expect(admitted).toMatchObject({ code: 0, stderr: '' });
    expect(admitted.stdout).toContain('"team"');
  });
});
