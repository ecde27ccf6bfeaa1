/**
 * Builds a Connection from a kubeconfig or a pod's files. This module reads client certificates and tokens. The class
 * KubeConfig of the official client handles all other credentials; it is large, and therefore loaded only if needed.
 */
import type { RequestOptions as HttpsRequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import type { Connection, Credentials } from './connection.ts';
import { defined } from '../k8s/defined.ts';
import { errorMessage } from '../k8s/errors.ts';
import { KubeConfigError, type KubeConfigErrorCode } from './errors.ts';
import {
  readDocument,
  type ClusterEntry,
  type ContextEntry,
  type KubeconfigDocument,
  type LoadConnectionOptions,
  type UserEntry,
} from './kubeconfig-files.ts';
import { isStatic, staticCredentials } from './static-credentials.ts';
import { proxyFromEnv } from '../http/index.ts';

/** @throws KubeConfigError */
export async function loadConnection(options: LoadConnectionOptions): Promise<Connection> {
  const { document, origin, inPod } = await readDocument(options);
  const selected = select(document, options.context, origin);
  let current = { selected, credentials: await credentialSource(selected) };
  const { server } = selected;

  const reread = async (): Promise<void> => {
    const again = await readDocument(options)
      .then((next) => select(next.document, selected.contextName, next.origin))
      .catch(() => current.selected);
    // If the file was changed and now refers to another cluster, this connection keeps its original cluster.
    const chosen = again.server === server ? again : current.selected;
    current = { selected: chosen, credentials: await credentialSource(chosen) };
  };

  const proxyUrl = selected.cluster['proxy-url'] ?? proxyFromEnv(new URL(server), options.env);
  return {
    server,
    namespace: selected.context.namespace || 'default',
    ...defined({ context: inPod ? undefined : selected.contextName, proxyUrl: proxyUrl || undefined }),
    async credentials({ refresh = false } = {}) {
      if (refresh) await reread();
      return current.credentials();
    },
  };
}

type Selected = {
  contextName: string;
  context: ContextEntry;
  cluster: ClusterEntry;
  user: UserEntry;
  server: string;
};

function select(document: KubeconfigDocument, wanted: string | undefined, origin: string): Selected {
  const contextName = wanted || document['current-context'];
  const names = document.contexts.map(({ name }) => name).join(', ') || 'none';
  const fail: (code: KubeConfigErrorCode, message: string) => never = (code, message) => {
    throw new KubeConfigError(code, message);
  };
  if (!contextName)
    return fail('ContextUnset', `no context is selected in ${origin} (existing contexts: ${names})`);
  const context = document.contexts.find(({ name }) => name === contextName)?.context;
  if (!context)
    return fail(
      'ContextUnknown',
      `context "${contextName}" does not exist in ${origin} (existing contexts: ${names})`,
    );
  const refersTo = `the context "${contextName}" in ${origin} refers to`;
  const cluster = document.clusters.find(({ name }) => name === context.cluster)?.cluster;
  if (!cluster?.server)
    return fail(
      'ClusterUnknown',
      `${refersTo} the cluster "${context.cluster ?? ''}", which does not exist or has no server`,
    );
  const user = context.user ? document.users.find(({ name }) => name === context.user)?.user : {};
  if (!user) return fail('UserUnknown', `${refersTo} the user "${context.user}", which does not exist`);
  const url = URL.parse(cluster.server);
  if (!url || !['http:', 'https:'].includes(url.protocol))
    return fail('Invalid', `the server "${cluster.server}" in ${origin} is not an http or https URL`);
  return { contextName, context, cluster, user, server: cluster.server.replace(/\/+$/, '') };
}

/**
 * Returns the function that reads the credentials. Files are read at every call, because credentials may be rotated.
 * The official client is loaded only for credentials that are not static.
 */
async function credentialSource(selected: Selected): Promise<() => Promise<Credentials>> {
  const { cluster, user } = selected;
  if (isStatic(cluster, user)) return () => staticCredentials(cluster, user);
  const config = await toKubeConfig(selected);
  return () => credentialsOf(config, selected);
}

async function toKubeConfig(selected: Selected): Promise<KubeConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
  const { cluster, user, contextName } = selected;
  const config = new KubeConfig();
  // The proxy URL is left out, since KubeConfig would otherwise create proxy agents that nothing uses.
  const { 'proxy-url': _proxyUrl, ...rest } = cluster;
  const translated: KubeconfigDocument = {
    clusters: [
      {
        name: 'cluster',
        cluster: {
          ...rest,
          // KubeConfig accepts an `http:` server only if certificate verification is off. Without TLS, there is no
          // certificate to verify.
          ...(selected.server.startsWith('http:') ? { 'insecure-skip-tls-verify': true } : {}),
        },
      },
    ],
    users: [{ name: 'user', user: translateUser(user, cluster) }],
    contexts: [{ name: contextName, context: { cluster: 'cluster', user: 'user' } }],
    'current-context': contextName,
  };
  try {
    config.loadFromString(JSON.stringify(translated));
  } catch (error) {
    throw new KubeConfigError('Invalid', `the kubeconfig cannot be used: ${errorMessage(error)}`, {
      cause: error,
    });
  }
  return config;
}

/**
 * Translates two groups of fields of a user entry in the kubeconfig: fields that KubeConfig does not handle, and fields
 * that it reads under another name.
 */
function translateUser(user: UserEntry, cluster: ClusterEntry): UserEntry {
  const translated: UserEntry = { ...user };
  // KubeConfig reads a `token-file` only once. Rotated tokens require a `tokenFile` provider, whose file KubeConfig
  // reads every minute.
  if (user.tokenFile) {
    translated['auth-provider'] = { name: 'tokenFile', config: { tokenFile: user.tokenFile } };
    // The token is removed, because kubectl prefers the token file, but KubeConfig prefers the token.
    delete translated.token;
  }
  if (user.exec) {
    const info = {
      apiVersion: user.exec.apiVersion ?? 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      spec: {
        interactive: false,
        ...(user.exec.provideClusterInfo
          ? {
              cluster: {
                server: cluster.server,
                'tls-server-name': cluster['tls-server-name'],
                'insecure-skip-tls-verify': cluster['insecure-skip-tls-verify'],
                'certificate-authority-data': cluster['certificate-authority-data'],
                'proxy-url': cluster['proxy-url'],
              },
            }
          : {}),
      },
    };
    // Plugins may rely on the variable KUBERNETES_EXEC_INFO:
    // https://kubernetes.io/docs/reference/access-authn-authz/authentication/#input-and-output-formats
    translated.exec = {
      ...user.exec,
      env: [...(user.exec.env ?? []), { name: 'KUBERNETES_EXEC_INFO', value: JSON.stringify(info) }],
    };
  }
  return translated;
}

async function credentialsOf(config: KubeConfig, selected: Selected): Promise<Credentials> {
  const found: HttpsRequestOptions = {};
  try {
    await config.applyToHTTPSOptions(found);
  } catch (error) {
    const { exec } = selected.user;
    const what = exec?.command ? `the credential plugin "${exec.command}"` : 'reading the credentials';
    const hint = exec?.installHint ? ` ${exec.installHint.trim()}` : '';
    throw new KubeConfigError('CredentialsFailed', `${what} failed: ${errorMessage(error).trim()}${hint}`, {
      cause: error,
    });
  }
  const headers: Record<string, string | readonly string[]> = {};
  if (found.auth) headers.Authorization = `Basic ${Buffer.from(found.auth).toString('base64')}`;
  for (const [name, value] of Object.entries(found.headers ?? {}))
    // Token files often end in a newline, which is not allowed in a header.
    if (value !== undefined) headers[name] = String(value).trim();
  const { user } = selected;
  if (user['as-uid']) headers['Impersonate-Uid'] = user['as-uid'];
  if (user['as-groups']?.length) headers['Impersonate-Group'] = user['as-groups'];
  for (const [name, values] of Object.entries(user['as-user-extra'] ?? {}))
    headers[`Impersonate-Extra-${encodeURIComponent(name)}`] = values;
  return {
    headers,
    tls: defined({
      ca: pem(found.ca),
      cert: pem(found.cert),
      key: pem(found.key),
      servername: typeof found.servername === 'string' ? found.servername : undefined,
      rejectUnauthorized: found.rejectUnauthorized,
    }),
  };
}

const pem = (value: unknown): string | Buffer | undefined =>
  typeof value === 'string' || Buffer.isBuffer(value) ? value : undefined;
