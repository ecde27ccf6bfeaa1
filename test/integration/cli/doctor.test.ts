/** `kon doctor` on a real API server: it finds problems, and continues after a failed check if possible. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { argoCdCrd } from '../../support/argo-cd-crd.ts';
import { startAwsCluster, type AwsCluster } from './aws-cluster.ts';
import type { Result } from './kon.ts';

let world: AwsCluster;
const doctor = (...args: string[]): Promise<Result> => world.kon.run(['doctor', ...args]);

type Report = {
  readonly healthy: boolean;
  readonly checks: readonly { readonly id: string; readonly status: string; readonly message?: string }[];
};
const statuses = ({ stdout }: Result): Readonly<Record<string, string>> =>
  Object.fromEntries((JSON.parse(stdout) as Report).checks.map(({ id, status }) => [id, status]));

beforeAll(async () => {
  world = await startAwsCluster({ provider: false });
});

afterAll(() => world?.stop());

describe('kon doctor', () => {
  it('without a cluster, skips the checks that need a cluster, and runs all other checks', async () => {
    const result = await doctor('--kubeconfig', '/no/such/file', '-o', 'json');
    expect(result.code).toBe(1);
    expect(statuses(result)).toMatchObject({
      environment: 'ok',
      kubeconfig: 'error',
      'api-server': 'skipped',
      'operator-leads': 'skipped',
      'aws-credentials': 'ok',
      orphans: 'skipped',
    });
  });

  it('reports everything that is missing on an empty cluster, indented under the check that found it', async () => {
    const result = await doctor();
    expect(result).toMatchObject({ code: 1, stderr: '' });
    expect(result.stdout).toContain('Cluster\n-------\n√ the kubeconfig names a cluster (');
    expect(result.stdout).toContain('√ CRDs are installed and current\n');
    expect(result.stdout).toContain(`× an operator holds the Lease and renews it
    no operator has ever led on this cluster
    Install the operator: kon install; or run it on this machine: kon operator
    For more information: kon explain operator-leads
`);
    expect(result.stdout).toContain('- every target has a namespace\n    needs cluster-config\n');
    expect(result.stdout).toContain(`‼ admission policies are installed, bound, current and enforced
    no admission policy is installed: anyone who may write accounts can grant any permission
`);
    expect(result.stdout).toMatch(/\nStatus check results are × \(\d errors, 1 warning, \d+ skipped\)\n$/);
  });

  it('reports the resource names that Argo CD also uses, and kubectl get app still lists the objects of Argo CD', async () => {
    const kubectl = (...args: string[]): Promise<string> => world.cluster.kubectl(args);
    await world.cluster.kubectl(['create', '-f', '-'], JSON.stringify(argoCdCrd));
    await kubectl('wait', '--for=condition=Established', 'crd/applications.argoproj.io');
    for (const object of [
      { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', metadata: { name: 'of-argo' } },
      {
        apiVersion: 'k11n.dev/v1alpha1',
        kind: 'App',
        metadata: { name: 'of-kon' },
        spec: { image: 'nginx', targets: [{ name: 'production', deployMode: 'halt' }] },
      },
    ])
      await world.cluster.kubectl(['create', '--namespace=default', '-f', '-'], JSON.stringify(object));
    const namesOf = async (resource: string): Promise<string> =>
      (await kubectl('get', resource, '--namespace=default', '-o', 'name')).trim();
    expect(await namesOf('app')).toBe('application.argoproj.io/of-argo');
    expect(await namesOf('applications.argoproj.io')).toBe('application.argoproj.io/of-argo');
    for (const ours of ['apps.k11n.dev', 'kapp', 'app.k11n.dev'])
      expect(await namesOf(ours), ours).toBe('app.k11n.dev/of-kon');
    // A plural takes precedence over a short name, regardless of the order of creation. `apps` is the plural of
    // Konstellation's kind and a short name of Argo CD's kind, so it means Konstellation's kind.
    expect(await namesOf('apps')).toBe('app.k11n.dev/of-kon');
    const result = await doctor();
    expect(result.stdout).toContain(
      '‼ no other CRD uses a name of Konstellation’s CRDs\n    "kubectl get apps" means two things: apps.k11n.dev and applications.argoproj.io. Use exact names: kubectl get apps.k11n.dev or kapp; kubectl get applications.argoproj.io\n',
    );
    await kubectl('delete', 'apps.k11n.dev', 'of-kon');
    await kubectl('delete', 'crd', 'applications.argoproj.io');
  });

  it('waits until an operator leads, and shows the last error meanwhile', async () => {
    const waiting = world.kon.start(['doctor', '--wait', '60s', '-o', 'short']);
    await waiting.until('waiting: an operator holds the Lease and renews it: no operator has ever led');
    await world.startOperator();
    await waiting.until('one ClusterConfig exists and is Ready: no ClusterConfig exists');
    waiting.stop();
    expect((await waiting.finished).code).toBe(130);
  });

  it('reports that the OIDC provider, the webhook and rights are missing, and with -o short prints only the problems', async () => {
    await world.cluster.kubectl(
      ['apply', '--server-side', '-f', '-'],
      JSON.stringify({
        apiVersion: 'k11n.dev/v1alpha1',
        kind: 'ClusterConfig',
        metadata: { name: 'main' },
        spec: { targets: ['production'], aws: { region: 'eu-west-1' } },
      }),
    );
    await world.cluster.kubectl([
      'wait',
      '--for=jsonpath={.status.conditions[0].reason}=OIDCProviderMissing',
      'clusterconfig/main',
      '--timeout=30s',
    ]);
    const nobody = 'arn:aws:iam::123456789012:user/nobody';
    const result = await doctor('-o', 'json', '--operator-arn', nobody);
    expect(statuses(result)).toMatchObject({
      'operator-leads': 'ok',
      'cluster-config': 'error',
      'operator-permissions': 'skipped',
      webhook: 'error',
      'webhook-injects': 'skipped',
    });
    const short = await doctor('-o', 'short');
    expect(short.stdout).not.toContain('√');
    expect(short.stdout).toContain('× one ClusterConfig exists and is Ready\n');
    expect(short.stdout).toContain('OIDCProviderMissing');
  });

  it('names the rights that a user lacks', async () => {
    const kubeconfig = await world.cluster.userKubeconfig('nobody');
    const result = await world.kon.run(['doctor', '-o', 'json'], {
      env: { KUBECONFIG: kubeconfig, ...world.nobodyEnv },
    });
    const { checks } = JSON.parse(result.stdout) as Report;
    const leads = checks.find(({ id }) => id === 'operator-leads');
    expect(leads).toMatchObject({
      status: 'warning',
      message: expect.stringContaining('permission denied: leases.coordination.k8s.io'),
    });
    // kon reads the issuer from an endpoint outside the resource API. A denied request to that endpoint is not a bug in
    // kon.
    expect(checks.find(({ id }) => id === 'cluster-facts')).toMatchObject({
      status: 'warning',
      message: expect.stringContaining('permission denied'),
    });
    expect(result.stdout).not.toContain('a bug in kon');
  });
});
