/**
 * Reads client certificates and tokens that a kubeconfig contains or refers to. The official client's KubeConfig is
 * avoided for such credentials, because it takes longer to load than a short command takes to run. KubeConfig handles
 * all other credentials.
 */
import { defined } from '../k8s/defined.ts';
import { errorMessage } from '../k8s/errors.ts';
import { readFile } from 'node:fs/promises';
import type { Credentials } from './connection.ts';
import { KubeConfigError } from './errors.ts';
import { type ClusterEntry, type UserEntry } from './kubeconfig-files.ts';

const staticUserFields: ReadonlySet<string> = new Set([
  'client-certificate',
  'client-certificate-data',
  'client-key',
  'client-key-data',
  'token',
]);
const staticClusterFields: ReadonlySet<string> = new Set([
  'server',
  'certificate-authority',
  'certificate-authority-data',
  'tls-server-name',
  'insecure-skip-tls-verify',
  'proxy-url',
  'extensions',
]);

export function isStatic(cluster: ClusterEntry, user: UserEntry): boolean {
  const given = (entry: Readonly<Record<string, unknown>>): readonly string[] =>
    Object.entries(entry).flatMap(([key, value]) =>
      value === undefined || value === null || value === '' ? [] : [key],
    );
  return (
    given(user).every((key) => staticUserFields.has(key)) &&
    given(cluster).every((key) => staticClusterFields.has(key))
  );
}

/**
 * Reads the credentials of a cluster entry and a user entry. `isStatic` must be true for both entries.
 *
 * @throws KubeConfigError with code `CredentialsFailed` if a file cannot be read
 */
export async function staticCredentials(cluster: ClusterEntry, user: UserEntry): Promise<Credentials> {
  const [ca, cert, key] = await Promise.all([
    materialOf(cluster, 'certificate-authority'),
    materialOf(user, 'client-certificate'),
    materialOf(user, 'client-key'),
  ]);
  const { token } = user;
  const servername = cluster['tls-server-name'] || undefined;
  const skipsVerification =
    cluster['insecure-skip-tls-verify'] === true || cluster.server?.startsWith('http:') === true;
  return {
    headers: typeof token === 'string' && token !== '' ? { Authorization: `Bearer ${token.trim()}` } : {},
    tls: defined({ ca, cert, key, servername, rejectUnauthorized: skipsVerification ? false : undefined }),
  };
}

/** Reads the inline data, or the file if there are no inline data. kubectl has the same precedence. */
async function materialOf(
  entry: Readonly<Record<string, unknown>>,
  field: string,
): Promise<Buffer | undefined> {
  const data = entry[`${field}-data`];
  if (typeof data === 'string' && data !== '') return Buffer.from(data, 'base64');
  const path = entry[field];
  if (typeof path !== 'string' || path === '') return undefined;
  try {
    return await readFile(path);
  } catch (error) {
    throw new KubeConfigError('CredentialsFailed', `reading the credentials failed: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}
