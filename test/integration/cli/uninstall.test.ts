/** `kon uninstall` on a cluster in use: with a tool that reapplies accounts, with running pods, and with Helm. */
import { ListRolesCommand } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { uninstallingObjects } from '../../../src/rbac/index.ts';
import { linkedServiceAccounts } from '../../../src/api/index.ts';
import {
  createKubeClient,
  loadConnection,
  type KubeClient,
  type KubeObject,
} from '../../../src/kube/index.ts';
import { startAwsCluster, type AwsCluster } from './aws-cluster.ts';
import type { Result, Running } from './kon.ts';
import { monotonicClock } from '../../../src/k8s/testing/clocks.ts';

const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
const refusal = 'Konstellation is being uninstalled';

let world: AwsCluster;
let client: KubeClient;
let operator: Running | undefined;
const kon = (...args: string[]): Promise<Result> => world.kon.run(args);
const kubectl = (...args: string[]): Promise<string> => world.cluster.kubectl(args);
const account = (name: string): KubeObject =>
  ({
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'LinkedServiceAccount',
    metadata: { name },
    spec: { targets: ['production'], aws: { policyArns: [readOnly] } },
  }) as KubeObject;
const apply = (name: string): Promise<unknown> =>
  client.apply(linkedServiceAccounts, account(name), { fieldManager: 'argocd-controller' });
const accountRoles = async (): Promise<readonly string[]> =>
  ((await world.iam.send(new ListRolesCommand({}))).Roles ?? [])
    .map(({ RoleName = '' }) => RoleName)
    .filter((name) => !name.startsWith('konstellation-operator-'));
const refusesNew = async (): Promise<boolean> =>
  (await kubectl('get', 'validatingadmissionpolicy', '-o', 'name')).includes('uninstalling.k11n.dev');

/** Installs Konstellation, and runs an operator in place of its pod. */
async function install(): Promise<void> {
  const options = ['--target', 'production', '--unbounded', '--without-operator', '--no-wait', '--yes'];
  const installed = await kon('install', ...options);
  expect(installed, installed.stderr).toMatchObject({ code: 0 });
  operator = world.kon.start(['operator', '--lease-namespace', 'konstellation', '--log-format', 'json']);
  await operator.until('operator leads');
}

async function create(name: string): Promise<void> {
  const created = await kon('account', 'create', name, '--policy', readOnly, '--target', 'production');
  expect(created, created.stderr).toMatchObject({ code: 0 });
}

beforeAll(async () => {
  world = await startAwsCluster({ provider: false, crds: false });
  const connection = await loadConnection({ kubeconfig: world.cluster.kubeconfig, env: world.kon.env });
  client = createKubeClient(connection, { now: monotonicClock, random: Math.random });
  await install();
});

afterAll(async () => {
  operator?.stop();
  await operator?.finished;
  await client?.close();
  await world?.stop();
});

describe('kon uninstall --delete-accounts', () => {
  it('deletes no account while a running pod uses one of the accounts', async () => {
    await create('idle');
    await create('used');
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'user', namespace: 'production' },
      spec: {
        serviceAccountName: 'used',
        containers: [
          {
            name: 'main',
            image: 'nginx',
            env: [
              {
                name: 'AWS_ROLE_ARN',
                value: await kubectl('get', 'lsa', 'used', '-o', 'jsonpath={.status.roleArn}'),
              },
            ],
          },
        ],
      },
    };
    await world.cluster.kubectl(['create', '-f', '-'], JSON.stringify(pod));
    for (const mode of ['--yes', '--dry-run']) {
      const refused = await kon('uninstall', '--delete-accounts', mode);
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toContain('used: production/user');
    }
    expect(await kubectl('get', 'lsa', '-o', 'jsonpath={.items[*].metadata.deletionTimestamp}')).toBe('');
    await kubectl('delete', 'pod', '-n', 'production', 'user', '--force');
  });

  it('deletes no account while one of the accounts is protected', async () => {
    await kubectl('label', 'lsa', 'used', 'k11n.dev/protected=true');
    const refused = await kon('uninstall', '--delete-accounts', '--yes');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('is protected from deletion');
    expect(await kubectl('get', 'lsa', '-o', 'jsonpath={.items[*].metadata.deletionTimestamp}')).toBe('');
    await kubectl('label', 'lsa', 'used', 'k11n.dev/protected-');
  });

  it('is refused while a quarantine exists', async () => {
    const quarantine = {
      apiVersion: 'k11n.dev/v1alpha1',
      kind: 'Quarantine',
      metadata: { name: 'incident' },
      spec: { account: 'nobody' },
    };
    await world.cluster.kubectl(['create', '-f', '-'], JSON.stringify(quarantine));
    const refused = await kon('uninstall', '--delete-accounts', '--yes');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('cannot uninstall while quarantines exist (1): incident');
    expect(await kubectl('get', 'lsa', '-o', 'jsonpath={.items[*].metadata.deletionTimestamp}')).toBe('');
    await kubectl('delete', 'quarantine', 'incident');
  });

  it('asks again if accounts are created before the user answers, and blocks new accounts until the second answer', async () => {
    const waiting = world.kon.terminal('uninstall --delete-accounts');
    await waiting.until('the accounts idle, used with their roles?');
    await create('late');
    waiting.type('y\n');
    await waiting.until('the accounts idle, late, used with their roles?');
    await expect(apply('later')).rejects.toThrow(refusal);
    const edited = await kon('account', 'edit', 'idle', '--description', 'x').catch(() => undefined);
    expect(edited?.code).not.toBe(0);
    waiting.type('n\n');
    const { code, screen } = await waiting.finished;
    expect(code, screen).toBe(1);
    expect(screen).toContain('Nothing was changed.');
    expect(await refusesNew()).toBe(false);
    expect(await kubectl('get', 'lsa', '-o', 'jsonpath={.items[*].metadata.name}')).toBe('idle late used');
  });

  it('completes although another tool keeps applying the accounts', async () => {
    const stopped = new AbortController();
    let refused = 0;
    const loop = (async () => {
      while (!stopped.signal.aborted)
        for (const name of ['idle', 'used', 'another'])
          await apply(name).catch((error: Error) => {
            if (error.message.includes(refusal)) refused += 1;
          });
    })();
    try {
      const result = await kon('uninstall', '--delete-accounts', '--no-wait', '--yes', '--timeout', '30s');
      expect(result, result.stderr).toMatchObject({ code: 0, stdout: 'konstellation uninstalled\n' });
      expect(refused).toBeGreaterThan(0);
      await kubectl('wait', '--for=delete', 'crd', '--all', '--timeout=30s');
    } finally {
      stopped.abort();
      await loop;
    }
    expect(await accountRoles()).toEqual([]);
    expect(await refusesNew()).toBe(false);
    operator?.stop();
    await operator?.finished;
  });
});

describe('an uninstallation that was killed', () => {
  /**
   * Options for a separate namespace. The previous one stays `Terminating`, because no controller in this cluster
   * completes its deletion.
   */
  const own = ['--namespace', 'again'] as const;
  const installAgain = (): Promise<Result> =>
    kon('install', '--unbounded', '--without-operator', '--no-wait', '--yes', ...own);
  const leave = async (): Promise<void> => {
    for (const object of uninstallingObjects)
      await world.cluster.kubectl(
        ['apply', '--server-side', '--field-manager=kon-install', '-f', '-'],
        JSON.stringify(object),
      );
  };

  it('no longer blocks new accounts once kon install has run', async () => {
    expect(await installAgain()).toMatchObject({ code: 0 });
    await leave();
    const { checks } = JSON.parse((await kon('doctor', '-o', 'json')).stdout) as {
      readonly checks: readonly { readonly id: string; readonly status: string }[];
    };
    expect(checks.find(({ id }) => id === 'uninstalling')).toMatchObject({ status: 'error' });
    const again = await installAgain();
    expect(again, again.stderr).toMatchObject({ code: 0, stdout: 'konstellation installed\n' });
    expect(again.stderr).toContain('Refusal of new accounts by an unfinished kon uninstall');
    expect(await refusesNew()).toBe(false);
    await apply('allowed');
    await kubectl('delete', 'lsa', 'allowed');
  });

  it('no longer blocks new accounts once kon uninstall has run again', async () => {
    await leave();
    const again = await kon('uninstall', '--no-wait', '--yes', ...own);
    expect(again, again.stderr).toMatchObject({ code: 0 });
    expect(await refusesNew()).toBe(false);
    await kubectl('wait', '--for=delete', 'crd', '--all', '--timeout=30s');
  });
});

describe('kon uninstall, where another tool installed the operator,', () => {
  const deployment = (labels: object, annotations: object): string =>
    JSON.stringify({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: {
        name: 'release',
        namespace: 'third',
        labels: { 'app.kubernetes.io/name': 'konstellation', ...labels },
        annotations,
      },
      spec: {
        selector: { matchLabels: { app: 'x' } },
        template: {
          metadata: { labels: { app: 'x' } },
          spec: { containers: [{ name: 'operator', image: 'operator' }] },
        },
      },
    });
  const own = ['--namespace', 'third'] as const;

  it('removes nothing that Helm installed, and prints the helm command that removes it', async () => {
    await kubectl('create', 'namespace', 'third');
    const helm = [
      { 'app.kubernetes.io/managed-by': 'Helm' },
      { 'meta.helm.sh/release-name': 'stars' },
    ] as const;
    await world.cluster.kubectl(['create', '-f', '-'], deployment(...helm));
    const refused = await kon('uninstall', '--yes', '--region', 'eu-west-1', ...own);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('helm uninstall stars --namespace third');
    const elsewhere = await kon('uninstall', '--yes', '--region', 'eu-west-1');
    expect(elsewhere).toMatchObject({ code: 1, stdout: '' });
    expect(elsewhere.stderr).toContain('Konstellation is installed in the namespace third');
  });

  it('does not report success while that operator runs', async () => {
    await kubectl('label', 'deployment', '-n', 'third', 'release', 'app.kubernetes.io/managed-by-');
    const result = await kon('uninstall', '--yes', '--region', 'eu-west-1', '--no-wait', ...own);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toContain('an operator still runs');
    expect(result.stderr).toContain('Deployment third/release');
  });
});
