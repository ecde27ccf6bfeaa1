/** Compares static credentials with the credentials that the official client reads from the same kubeconfig. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClusterEntry, UserEntry } from './kubeconfig-files.ts';
import { isStatic, staticCredentials } from './static-credentials.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plain-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const server = 'https://127.0.0.1:6443';
const data = (text: string): string => Buffer.from(text).toString('base64');

async function byOfficialClient(cluster: ClusterEntry, user: UserEntry): Promise<object> {
  const config = new KubeConfig();
  config.loadFromString(
    JSON.stringify({
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  );
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const { ca, cert, key, servername, rejectUnauthorized, headers = {} } = options;
  return {
    headers: Object.fromEntries(Object.entries(headers)),
    tls: { ca, cert, key, servername, rejectUnauthorized },
  };
}

describe('static credentials', () => {
  it.each<[string, ClusterEntry, UserEntry]>([
    ['a token in the user entry', { server }, { token: 'secret' }],
    ['an empty user entry', { server }, {}],
    [
      'a client certificate and a CA, as data',
      { server, 'certificate-authority-data': data('ca') },
      { 'client-certificate-data': data('cert'), 'client-key-data': data('key') },
    ],
    [
      'a token, with another server name and without verification',
      { server, 'tls-server-name': 'kube', 'insecure-skip-tls-verify': true },
      { token: 'x' },
    ],
  ])('from %s are equal to the credentials of the official client', async (_what, cluster, user) => {
    expect(isStatic(cluster, user)).toBe(true);
    const mine = await staticCredentials(cluster, user);
    expect(await byOfficialClient(cluster, user)).toEqual(mine);
  });

  it('are read from the files to which the kubeconfig refers', async () => {
    const [cert, key, ca] = ['cert', 'key', 'ca'].map((name) => join(folder, name));
    await Promise.all([cert, key, ca].map((path) => writeFile(path ?? '', `of ${path}`)));
    const cluster = { server, 'certificate-authority': ca ?? '' };
    const user = { 'client-certificate': cert ?? '', 'client-key': key ?? '' };
    expect(await staticCredentials(cluster, user)).toEqual(await byOfficialClient(cluster, user));
  });

  it('that the kubeconfig contains as data take precedence over files', async () => {
    const path = join(folder, 'nowhere');
    const cluster = { server, 'certificate-authority': path, 'certificate-authority-data': data('ca') };
    const user = { 'client-certificate': path, 'client-certificate-data': data('cert') };
    expect(await staticCredentials(cluster, user)).toMatchObject({
      tls: { ca: Buffer.from('ca'), cert: Buffer.from('cert') },
    });
  });

  it('whose file cannot be read cause the error CredentialsFailed', async () => {
    await expect(
      staticCredentials({ server }, { 'client-certificate': join(folder, 'nope') }),
    ).rejects.toMatchObject({ code: 'CredentialsFailed', message: expect.stringContaining('ENOENT') });
  });

  it.each<[string, UserEntry]>([
    ['a plugin', { exec: { command: 'aws' } }],
    ['a token file', { tokenFile: '/x' }],
    ['a password', { username: 'x', password: 'y' }],
    ['an impersonation', { token: 'x', as: 'somebody' }],
    ['a provider', { 'auth-provider': { name: 'oidc' } }],
  ])('do not include %s', (_what, user) => {
    expect(isStatic({ server }, user)).toBe(false);
  });
});
