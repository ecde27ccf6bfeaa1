/** Commands that delete roles, run with the kubeconfig of a cluster that does not own the roles. */
import { CreateRoleCommand, GetRoleCommand } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { roleName } from '../../../src/identity/desired/names.ts';
import { startControlPlane, untilPermitted, type TestControlPlane } from '../../support/cluster.ts';
import { accountId, clusterArn, clusterName, startAwsCluster, type AwsCluster } from './aws-cluster.ts';
import { installCrds } from './crds.ts';
import type { Result } from './kon.ts';

const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
const otherIssuer = 'https://oidc.eks.eu-west-1.amazonaws.com/id/0THER0THER0THER0THER0THER0THER00';
const deletedIssuer = 'https://oidc.eks.eu-west-1.amazonaws.com/id/DE1ETEDDE1ETEDDE1ETEDDE1ETEDDE1E';

let world: AwsCluster;
let other: TestControlPlane;
const kon = (...args: string[]): Promise<Result> => world.kon.run(args);
/** Runs `kon` with the other cluster's kubeconfig. */
const elsewhere = (...args: string[]): Promise<Result> => kon(...args, '--kubeconfig', other.kubeconfig);
const deletion = ['account', 'orphans', '--delete', '--yes'] as const;
const live = roleName({ clusterArn, clusterName, account: 'live' });
const exists = async (name: string): Promise<boolean> => {
  try {
    await world.iam.send(new GetRoleCommand({ RoleName: name }));
    return true;
  } catch {
    return false;
  }
};

beforeAll(async () => {
  world = await startAwsCluster();
  other = await startControlPlane({ issuer: otherIssuer });
  await world.startOperator();
  await world.configure(['production']);
  const created = await kon('account', 'create', 'live', '--policy', readOnly);
  expect(created, created.stderr).toMatchObject({ code: 0 });
});

afterAll(async () => {
  await world?.stop();
  await other?.stop();
});

describe('with the kubeconfig of a cluster without Konstellation', () => {
  it.each([
    ['the ARN', [], `the kubeconfig does not point to the EKS cluster ${clusterArn}`],
    ['ARN and issuer', ['--issuer'], 'the kubeconfig does not point to the cluster of issuer'],
    ['a cluster said to be deleted', ['--cluster-gone', '--issuer'], `exists: ${clusterArn}`],
  ])('orphans --delete deletes no role of a live cluster when given %s', async (_what, flags, why) => {
    const args = flags.flatMap((flag) => (flag === '--issuer' ? [flag, world.cluster.issuer] : [flag]));
    const refused = await elsewhere(...deletion, '--cluster-arn', clusterArn, ...args);
    expect(refused).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(why) });
    expect(await exists(live)).toBe(true);
  });

  it('orphans --delete --cluster-gone is refused for the cluster of the current kubeconfig context', async () => {
    const stated = ['--cluster-gone', '--cluster-arn', clusterArn, '--issuer', otherIssuer];
    expect(await elsewhere(...deletion, ...stated)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('exists: the kubeconfig points to that cluster'),
    });
    expect(await elsewhere(...deletion, '--cluster-gone')).toMatchObject({ code: 2 });
  });
});

describe('with a ClusterConfig that was copied from another cluster', () => {
  beforeAll(async () => {
    await installCrds(other, world.kon);
    const { status } = JSON.parse(
      await world.cluster.kubectl(['get', 'clusterconfig', clusterName, '-o', 'json']),
    ) as { status: object };
    const spec = { targets: ['production'], aws: { region: 'eu-west-1', accountId, clusterName } };
    const copy = {
      apiVersion: 'k11n.dev/v1alpha1',
      kind: 'ClusterConfig',
      metadata: { name: clusterName },
      spec,
    };
    await other.kubectl(['create', '-f', '-'], JSON.stringify(copy));
    await other.kubectl([
      'patch',
      'clusterconfig',
      clusterName,
      '--subresource=status',
      '--type=merge',
      `--patch=${JSON.stringify({ status })}`,
    ]);
  });

  it('orphans --delete deletes no role of the cluster that the ClusterConfig names', async () => {
    const refused = await elsewhere(...deletion);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain(`the kubeconfig does not point to the EKS cluster ${clusterArn}`);
    expect(refused.stderr).toContain(`The API server has the issuer ${otherIssuer}`);
    expect(await exists(live)).toBe(true);
  });

  it.each([
    ['', []],
    [' with --self-managed', ['--self-managed']],
  ])('uninstall%s removes nothing', async (_how, flags) => {
    const refused = await elsewhere('uninstall', '--yes', '--delete-accounts', ...flags);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('is not the cluster of the kubeconfig');
    expect(await other.kubectl(['get', 'clusterconfig', '-o', 'name'])).toContain(clusterName);
  });

  it('install is refused, because the ClusterConfig names a cluster other than the requested one', async () => {
    const self = ['--self-managed', '--cluster-name', 'second', '--region', 'eu-west-1'];
    const refused = await elsewhere('install', '--yes', '--unbounded', '--without-operator', ...self);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain(`ClusterConfig main names cluster main in eu-west-1`);
  });
});

describe('with the right kubeconfig', () => {
  it('orphans --delete deletes no role for a user who is not permitted to list the accounts', async () => {
    const restricted = await world.cluster.userKubeconfig('nearly-nobody');
    const grant = (name: string, ...args: string[]): Promise<string> =>
      world.cluster.kubectl(['create', 'clusterrolebinding', name, '--user=nearly-nobody', ...args]);
    await grant('issuer', '--clusterrole=system:service-account-issuer-discovery');
    await world.cluster.kubectl([
      'create',
      'clusterrole',
      'configs',
      '--verb=list',
      '--resource=clusterconfigs.k11n.dev',
    ]);
    await grant('configs', '--clusterrole=configs');
    await untilPermitted(
      world.cluster,
      'nearly-nobody',
      'get /openid/v1/jwks',
      'list clusterconfigs.k11n.dev',
    );
    const refused = await kon(...deletion, '--cluster-arn', clusterArn, '--kubeconfig', restricted);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('cannot list resource "linkedserviceaccounts"');
    expect(await exists(live)).toBe(true);
  });

  it('orphans --delete does not delete a role that a running pod uses', async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'holder', namespace: 'production' },
      spec: {
        serviceAccountName: 'live',
        containers: [
          {
            name: 'main',
            image: 'nginx',
            env: [{ name: 'AWS_ROLE_ARN', value: `arn:aws:iam::${accountId}:role/konstellation/${live}` }],
          },
        ],
      },
    };
    await world.cluster.kubectl(['create', '-f', '-'], JSON.stringify(pod));
    await world.stopOperator();
    await world.cluster.kubectl(['delete', 'lsa', 'live', '--wait=false']);
    await world.cluster.kubectl([
      'patch',
      'lsa',
      'live',
      '--type=merge',
      '--patch={"metadata":{"finalizers":null}}',
    ]);
    const refused = await kon(...deletion);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toContain(`${live}: running pods hold the role: production/holder`);
    expect(await exists(live)).toBe(true);
    await world.cluster.kubectl(['delete', 'pod', '-n', 'production', 'holder', '--force']);
    const deleted = await kon(...deletion);
    expect(deleted).toMatchObject({ code: 0, stderr: `${live}: deleted\n` });
    expect(await exists(live)).toBe(false);
  });
});

describe('after the cluster was deleted', () => {
  it('orphans --delete --cluster-gone deletes the roles of that cluster without connecting to any cluster', async () => {
    await world.iam.send(
      new CreateRoleCommand({
        RoleName: 'of-a-deleted-cluster',
        AssumeRolePolicyDocument: JSON.stringify({
          Version: '2012-10-17',
          Statement: [
            { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' },
          ],
        }),
        Tags: Object.entries({
          'k11n.dev/managed-by': 'konstellation',
          'k11n.dev/cluster': clusterArn,
          'k11n.dev/account': 'gone',
          'k11n.dev/issuer': deletedIssuer.slice('https://'.length),
        }).map(([Key, Value]) => ({ Key, Value })),
      }),
    );
    const nowhere = await world.kon.file('nowhere.kubeconfig', '{}');
    const stated = ['--cluster-arn', clusterArn, '--issuer', deletedIssuer];
    const deleted = await kon(...deletion, '--cluster-gone', ...stated, '--kubeconfig', nowhere);
    expect(deleted).toMatchObject({ code: 0, stderr: 'of-a-deleted-cluster: deleted\n' });
    expect(await exists('of-a-deleted-cluster')).toBe(false);
  });
});
