/**
 * Runs `kon install` and `kon uninstall`, and ends them with SIGKILL right after a write to the cluster or to AWS has
 * taken effect, before its response arrives. A kill before a write would leave the same state as a kill after the
 * previous write.
 */
import { spawn } from 'node:child_process';
import {
  GetRoleCommand,
  GetRolePolicyCommand,
  ListOpenIDConnectProvidersCommand,
  ListRolePoliciesCommand,
  ListRolesCommand,
} from '@aws-sdk/client-iam';
import { expect } from 'vitest';
import { createAuthority } from '../../../src/http/testing/certificates.ts';
import { uninstallingPolicy } from '../../../src/rbac/index.ts';
import { clientCertificateOf } from '../kube/kubeconfig-tls.ts';
import { clusterName, region, startAwsCluster, type AwsCluster } from './aws-cluster.ts';
import { startWriteProxy } from './write-proxy.ts';

const cluster = ['--cluster-name', clusterName, '--region', region];
export const install = ['install', ...cluster, '--unbounded', '--target', 'production', '--no-wait', '--yes'];
export const uninstall = ['uninstall', ...cluster, '--no-wait', '--yes'];

export type Snapshot = Readonly<Record<string, unknown>>;

export type KillableKon = {
  readonly world: AwsCluster;
  /** Runs the command to its end, and returns its writes. `executable` is the path of another version's `kon.js`. */
  run(args: readonly string[], executable?: string): Promise<readonly string[]>;
  /**
   * Runs the command repeatedly. Each run is killed at its first write of a new kind; the last run completes. Returns
   * the kinds of writes.
   */
  runWithKills(
    args: readonly string[],
    afterKill: (write: string) => Promise<void>,
  ): Promise<readonly string[]>;
  snapshot(): Promise<Snapshot>;
  /**
   * Completes an uninstallation: deletes the content and the finalizer of the namespace, as the controllers of a
   * complete cluster do, and waits until the CRDs are deleted.
   */
  finishUninstallation(): Promise<void>;
  stop(): Promise<void>;
};

/** Returns the kind of a write to the API server; undefined for reads, dry runs and permission reviews. */
function kubeWrite(method = 'GET', url = '/'): string | undefined {
  const { pathname, searchParams } = new URL(url, 'https://server');
  const isRead =
    method === 'GET' ||
    searchParams.has('dryRun') ||
    /\/(authorization|authentication)\.k8s\.io\//.test(pathname);
  if (isRead) return undefined;
  // The path of a creation names a collection; the path of any other write names an object in a collection.
  const parts = pathname.split('/');
  return `${method} ${parts.at(method === 'POST' ? -1 : -2)}`;
}

function awsWrite(method = 'GET', url = '/', body = ''): string | undefined {
  const action = new URLSearchParams(body).get('Action');
  if (action !== null) return /^(Get|List|Simulate)/.test(action) ? undefined : action;
  return method === 'GET' ? undefined : `${method} ${url}`;
}

export async function startKillableKon(): Promise<KillableKon> {
  const world = await startAwsCluster({ provider: false, crds: false });
  /** Called for each write. Each run of a command replaces this function. */
  let onWrite: (write: string) => boolean = () => true;
  const authority = await createAuthority('write-proxy-ca');
  const own = await authority.issue({ name: 'write-proxy', ips: ['127.0.0.1'] });
  const client = await clientCertificateOf(world.cluster.kubeconfig);
  const report = (write: string): boolean => onWrite(write);
  const kube = await startWriteProxy({
    server: world.cluster.server,
    tls: { own, client },
    writeOf: ({ method, url }) => kubeWrite(method, url),
    onWrite: report,
  });
  const aws = await startWriteProxy({
    server: world.aws.url,
    writeOf: ({ method, url }, body) => awsWrite(method, url, body),
    onWrite: report,
  });
  const kubeconfig = {
    'current-context': 'p',
    contexts: [{ name: 'p', context: { cluster: 'p', user: 'p' } }],
    clusters: [
      {
        name: 'p',
        cluster: {
          server: kube.url,
          'certificate-authority-data': Buffer.from(authority.ca).toString('base64'),
        },
      },
    ],
    users: [{ name: 'p', user: { token: 'the proxy authenticates' } }],
  };
  const env = {
    ...world.kon.env,
    KUBECONFIG: await world.kon.file('proxied.kubeconfig', JSON.stringify(kubeconfig)),
    AWS_ENDPOINT_URL: aws.url,
  };

  /** Runs the executable, and kills it when `isLast` returns true for a write. */
  const runOnce = (
    args: readonly string[],
    isLast: (write: string) => boolean,
    executable: string = world.kon.executable,
  ): Promise<{ readonly code: number | null; readonly output: string }> => {
    const child = spawn(process.execPath, [executable, ...args], { env });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stdin.end();
    onWrite = (write) => {
      if (!isLast(write)) return true;
      child.kill('SIGKILL');
      return false;
    };
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, output }));
    });
  };

  return {
    world,
    async run(args, executable) {
      const writes: string[] = [];
      const record = (write: string): boolean => {
        writes.push(write);
        return false;
      };
      const { code, output } = await runOnce(args, record, executable);
      expect(code, output).toBe(0);
      return writes;
    },
    async runWithKills(args, afterKill) {
      const kinds = new Set<string>();
      for (;;) {
        let killedAt: string | undefined;
        const { code, output } = await runOnce(args, (write) => {
          if (killedAt !== undefined) return true;
          if (kinds.has(write)) return false;
          kinds.add(write);
          killedAt = write;
          return true;
        });
        if (killedAt === undefined) {
          expect(code, output).toBe(0);
          return [...kinds];
        }
        expect(code, output).toBe(null);
        await afterKill(killedAt);
      }
    },
    snapshot: () => snapshotOf(world),
    async finishUninstallation() {
      const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'konstellation' } };
      const contents = 'all,sa,role,rolebinding,pdb,networkpolicy';
      await world.cluster.kubectl(['delete', contents, '--all', '-n', 'konstellation']);
      await world.cluster.kubectl(
        ['replace', '--raw', '/api/v1/namespaces/konstellation/finalize', '-f', '-'],
        JSON.stringify({ ...namespace, spec: { finalizers: [] } }),
      );
      // The uninstallation runs with --no-wait, so it does not wait until the API server has deleted the CRDs.
      await world.cluster.kubectl(['wait', '--for=delete', 'crd', '--all', '--timeout=60s']);
    },
    async stop() {
      for (const proxy of [kube, aws]) proxy.stop();
      await world.stop();
    },
  };
}

type Item = {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly deletionTimestamp?: string;
    readonly namespace?: string;
    readonly labels?: object;
    readonly annotations?: object;
  };
  readonly spec?: object;
};

const kinds = [
  'namespaces',
  'serviceaccounts',
  'clusterroles',
  'clusterrolebindings',
  'roles',
  'rolebindings',
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'customresourcedefinitions',
  'deployments',
  'poddisruptionbudgets',
  'networkpolicies',
];

/**
 * Returns objects, roles and providers by kind and name, without the fields that differ between two creations of the
 * same object.
 */
async function snapshotOf({ cluster, iam }: AwsCluster): Promise<Snapshot> {
  const kubectl = (...args: string[]): Promise<string> => cluster.kubectl(args);
  const hasConfigs = (await kubectl('get', 'crd', '-o', 'name')).includes('clusterconfigs');
  const listed = [...kinds, ...(hasConfigs ? ['clusterconfigs'] : [])].join(',');
  const { items } = JSON.parse(await kubectl('get', listed, '-A', '-o', 'json')) as {
    items: readonly Item[];
  };
  const objects = items.map(({ kind, metadata, spec, ...others }) => {
    const { status: _, ...rest } = others as { readonly status?: unknown };
    const { name, namespace = '', labels, annotations } = metadata;
    return [`${kind} ${namespace}/${name}`, { labels, annotations, spec, ...rest }] as const;
  });
  const roles = await Promise.all(
    ((await iam.send(new ListRolesCommand({}))).Roles ?? []).map(async ({ RoleName = '' }) => {
      const { Role } = await iam.send(new GetRoleCommand({ RoleName }));
      const { PolicyNames = [] } = await iam.send(new ListRolePoliciesCommand({ RoleName }));
      const policies = await Promise.all(
        PolicyNames.map(async (PolicyName) => [
          PolicyName,
          (await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName }))).PolicyDocument,
        ]),
      );
      const { AssumeRolePolicyDocument, Tags, Path, Description } = Role ?? {};
      return [`role ${RoleName}`, { AssumeRolePolicyDocument, Tags, Path, Description, policies }] as const;
    }),
  );
  const { OpenIDConnectProviderList: providers = [] } = await iam.send(
    new ListOpenIDConnectProvidersCommand({}),
  );
  return Object.fromEntries([...objects, ...roles, ['providers', providers]]);
}

/** Returns the names of the admission policies and their bindings. */
export function fenceOf(snapshot: Snapshot): readonly string[] {
  return Object.keys(snapshot).filter((key) => key.startsWith('ValidatingAdmissionPolicy'));
}

/**
 * Returns the admission policies and bindings that are missing although accounts can be created. While the policy of
 * `kon uninstall` refuses new accounts, nothing that is missing counts as a gap.
 */
export async function gapsIn(fence: readonly string[], { cluster }: AwsCluster): Promise<readonly string[]> {
  const list = 'crd,validatingadmissionpolicy,validatingadmissionpolicybinding';
  const { items } = JSON.parse(await cluster.kubectl(['get', list, '-o', 'json'])) as {
    items: readonly Item[];
  };
  // A CRD that is being deleted counts as missing, because the API server accepts no objects of it.
  const present = new Set(
    items
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ kind, metadata }) => `${kind} /${metadata.name}`),
  );
  const isRefused = ['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'].every((kind) =>
    present.has(`${kind} /${uninstallingPolicy.metadata.name}`),
  );
  return present.has('CustomResourceDefinition /linkedserviceaccounts.k11n.dev') && !isRefused
    ? fence.filter((part) => !present.has(part))
    : [];
}
