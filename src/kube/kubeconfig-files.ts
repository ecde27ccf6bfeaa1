/**
 * Finds and merges kubeconfig files by kubectl's rules, with the environment variables that the caller passes. In a pod
 * without a kubeconfig, the module builds a kubeconfig from the files of the pod's ServiceAccount.
 * https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
 */
import { access, readFile } from 'node:fs/promises';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { KubeConfigError } from './errors.ts';
import { parseYaml } from './simple-yaml.ts';
import { errorMessage } from '../k8s/errors.ts';

type Env = Readonly<Record<string, string | undefined>>;

export type LoadConnectionOptions = {
  /**
   * Path of a kubeconfig. Default: the files listed in `env.KUBECONFIG`, then `~/.kube/config`, then the pod's
   * ServiceAccount.
   */
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly env: Env;
  /** Folder with the pod's token, CA and namespace files. */
  readonly serviceAccountDirectory?: string | undefined;
};

type Named<K extends string, V> = { name: string } & { [P in K]?: V };
export type ClusterEntry = Record<string, unknown> & {
  server?: string;
  'certificate-authority'?: string;
  'certificate-authority-data'?: string;
  'tls-server-name'?: string;
  'insecure-skip-tls-verify'?: boolean;
  'proxy-url'?: string;
};
type ExecEntry = Record<string, unknown> & {
  apiVersion?: string;
  command?: string;
  env?: { name: string; value: string }[] | null;
  installHint?: string;
  provideClusterInfo?: boolean;
};
export type UserEntry = Record<string, unknown> & {
  exec?: ExecEntry | null;
  tokenFile?: string;
  'client-certificate'?: string;
  'client-key'?: string;
  'as-uid'?: string;
  'as-groups'?: string[];
  'as-user-extra'?: Record<string, string[]>;
};
export type ContextEntry = { cluster?: string; user?: string; namespace?: string };
export type KubeconfigDocument = {
  clusters: Named<'cluster', ClusterEntry>[];
  users: Named<'user', UserEntry>[];
  contexts: Named<'context', ContextEntry>[];
  'current-context'?: string;
};

const podDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';

export type FoundKubeconfig = { document: KubeconfigDocument; origin: string; inPod: boolean };

/** @throws KubeConfigError: `Missing`, `Unreadable` or `Invalid` */
export async function readDocument(options: LoadConnectionOptions): Promise<FoundKubeconfig> {
  const { env } = options;
  if (options.kubeconfig !== undefined && options.kubeconfig !== '') {
    const document = await readFileOf(options.kubeconfig);
    if (!document) throw new KubeConfigError('Missing', `kubeconfig "${options.kubeconfig}" does not exist`);
    return { document, origin: options.kubeconfig, inPod: false };
  }
  const listed = (env.KUBECONFIG ?? '').split(delimiter).filter((path) => path !== '');
  const home = env.HOME || env.USERPROFILE;
  const paths = listed.length > 0 ? listed : home ? [join(home, '.kube', 'config')] : [];
  const merged: KubeconfigDocument = { clusters: [], users: [], contexts: [] };
  let found = false;
  for (const path of paths) {
    const document = await readFileOf(path);
    if (!document) continue;
    found = true;
    mergeInto(merged, document);
  }
  if (found) return { document: merged, origin: paths.join(delimiter), inPod: false };
  const directory = options.serviceAccountDirectory ?? podDirectory;
  if (env.KUBERNETES_SERVICE_HOST && env.KUBERNETES_SERVICE_PORT && (await exists(join(directory, 'token'))))
    return { document: await podDocument(env, directory), origin: directory, inPod: true };
  throw new KubeConfigError(
    'Missing',
    listed.length > 0
      ? `none of the files in KUBECONFIG exists: ${listed.join(', ')}`
      : `no kubeconfig found: ${paths[0] ? `"${paths[0]}" does not exist` : 'HOME is not set'}, KUBECONFIG is not set, and this process does not run in a pod`,
  );
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Parses one file and makes its relative paths absolute. Returns undefined if the file does not exist. */
async function readFileOf(path: string): Promise<KubeconfigDocument | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new KubeConfigError('Unreadable', `cannot read the kubeconfig ${path}: ${errorMessage(error)}`, {
      cause: error,
    });
  }
  let parsed: unknown;
  try {
    parsed = await parseYaml(text);
  } catch (error) {
    throw new KubeConfigError('Invalid', `${path} is not YAML: ${errorMessage(error)}`, { cause: error });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new KubeConfigError('Invalid', `${path} is not a kubeconfig`);
  const raw = parsed as Record<string, unknown>;
  const document: KubeconfigDocument = {
    clusters: entriesOf(raw, 'clusters', path),
    users: entriesOf(raw, 'users', path),
    contexts: entriesOf(raw, 'contexts', path),
    ...(typeof raw['current-context'] === 'string' ? { 'current-context': raw['current-context'] } : {}),
  };
  const base = dirname(resolve(path));
  const absolute = (entry: Record<string, unknown> | null | undefined, field: string): void => {
    const value = entry?.[field];
    if (entry && typeof value === 'string' && value !== '' && !isAbsolute(value))
      entry[field] = join(base, value);
  };
  for (const { cluster } of document.clusters) absolute(cluster, 'certificate-authority');
  for (const { user } of document.users) {
    for (const field of ['client-certificate', 'client-key', 'tokenFile']) absolute(user, field);
    // A command without a slash is searched for in PATH; a command with a slash is relative to the file, as in
    // client-go.
    if (user?.exec?.command?.includes('/')) absolute(user.exec, 'command');
  }
  return document;
}

function entriesOf<E extends { name: string }>(
  raw: Record<string, unknown>,
  field: string,
  path: string,
): E[] {
  const list = raw[field] ?? [];
  if (
    !Array.isArray(list) ||
    list.some((entry) => typeof (entry as { name?: unknown } | null)?.name !== 'string')
  )
    throw new KubeConfigError(
      'Invalid',
      `${path} is not a kubeconfig: "${field}" is not a list of named entries`,
    );
  return list as E[];
}

/** Merges `next` into `target`. If both files define a name, the first file wins, as in kubectl. */
function mergeInto(target: KubeconfigDocument, next: KubeconfigDocument): void {
  const add = <E extends { name: string }>(list: E[], entries: readonly E[]): void => {
    for (const entry of entries) if (!list.some(({ name }) => name === entry.name)) list.push(entry);
  };
  add(target.clusters, next.clusters);
  add(target.users, next.users);
  add(target.contexts, next.contexts);
  if (!target['current-context'] && next['current-context'])
    target['current-context'] = next['current-context'];
}

const podContext = 'in-cluster';

async function podDocument(env: Env, directory: string): Promise<KubeconfigDocument> {
  const host = env.KUBERNETES_SERVICE_HOST ?? '';
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${env.KUBERNETES_SERVICE_PORT}`;
  const namespace = await readFile(join(directory, 'namespace'), 'utf8').catch(() => '');
  return {
    clusters: [{ name: podContext, cluster: { server, 'certificate-authority': join(directory, 'ca.crt') } }],
    users: [{ name: podContext, user: { tokenFile: join(directory, 'token') } }],
    contexts: [
      {
        name: podContext,
        context: { cluster: podContext, user: podContext, namespace: namespace.trim() || 'default' },
      },
    ],
    'current-context': podContext,
  };
}
