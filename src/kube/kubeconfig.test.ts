import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KubeConfigError } from './errors.ts';
import { loadConnection } from './kubeconfig.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, text);
  return path;
}

const kubeconfig = (options: {
  context?: string;
  server?: string;
  cluster?: object;
  user?: object;
  namespace?: string;
}): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'c', cluster: { server: options.server ?? 'https://127.0.0.1:6443/', ...options.cluster } },
    ],
    users: [{ name: 'u', user: options.user ?? { token: 'tok' } }],
    contexts: [
      {
        name: options.context ?? 'main',
        context: { cluster: 'c', user: 'u', ...(options.namespace ? { namespace: options.namespace } : {}) },
      },
    ],
    'current-context': options.context ?? 'main',
  });

const failure = async (promise: Promise<unknown>): Promise<KubeConfigError> => {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(KubeConfigError);
  return error as KubeConfigError;
};

describe('in the search for a kubeconfig', () => {
  test('the option `kubeconfig` takes precedence over KUBECONFIG, and KUBECONFIG takes precedence over the home folder', async () => {
    const option = await write('option', kubeconfig({ server: 'https://option' }));
    const listed = await write('listed', kubeconfig({ server: 'https://listed' }));
    await write('.kube/config', kubeconfig({ server: 'https://home' }));
    const env = { KUBECONFIG: listed, HOME: folder };
    expect((await loadConnection({ kubeconfig: option, env })).server).toBe('https://option');
    expect((await loadConnection({ env })).server).toBe('https://listed');
    expect((await loadConnection({ env: { HOME: folder } })).server).toBe('https://home');
  });

  test('the files in KUBECONFIG are merged: the first definition of a name wins, and missing files are skipped', async () => {
    const first = await write('first', kubeconfig({ server: 'https://first', context: 'a' }));
    const second = await write(
      'second',
      kubeconfig({ server: 'https://second', context: 'b', user: { token: 'other' } }),
    );
    const env = { KUBECONFIG: [join(folder, 'missing'), first, second].join(':') };
    expect((await loadConnection({ env })).context).toBe('a');
    const other = await loadConnection({ env, context: 'b' });
    expect([other.server, (await other.credentials()).headers.Authorization]).toEqual([
      'https://first',
      'Bearer tok',
    ]);
  });

  test('a pod without a kubeconfig uses the files of its ServiceAccount', async () => {
    await write('sa/token', 'pod-token\n');
    await write('sa/ca.crt', 'CA');
    await write('sa/namespace', 'kon-system');
    const connection = await loadConnection({
      env: { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443', HOME: folder },
      serviceAccountDirectory: join(folder, 'sa'),
    });
    expect(connection).toMatchObject({ server: 'https://[fd00::1]:443', namespace: 'kon-system' });
    expect(connection.context).toBeUndefined();
    const { headers, tls } = await connection.credentials();
    expect([headers.Authorization, tls.ca?.toString()]).toEqual(['Bearer pod-token', 'CA']);
  });
});

describe('a problem with the kubeconfig', () => {
  test.each([
    ['Missing', { kubeconfig: '/no/such/file', env: {} }, 'kubeconfig "/no/such/file" does not exist'],
    ['Missing', { env: { KUBECONFIG: '/no/such:/file' } }, 'none of the files in KUBECONFIG exists'],
    ['Missing', { env: { HOME: '/nonexistent' } }, 'does not run in a pod'],
  ])('has the code %s and a message if no file exists', async (code, options, words) => {
    const error = await failure(loadConnection(options));
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
  });

  test.each([
    ['Invalid', 'not: [valid', undefined, 'is not YAML'],
    ['Invalid', 'just text', undefined, 'is not a kubeconfig'],
    ['Invalid', '', undefined, 'is not a kubeconfig'],
    ['Invalid', 'contexts: {a: b}', undefined, '"contexts" is not a list'],
    ['Invalid', kubeconfig({ server: 'no url' }), undefined, 'is not an http or https URL'],
    ['ContextUnset', 'contexts: [{name: a, context: {}}]', undefined, 'existing contexts: a'],
    ['ContextUnknown', kubeconfig({}), 'elsewhere', 'context "elsewhere" does not exist'],
    [
      'ClusterUnknown',
      'contexts: [{name: a, context: {cluster: x}}]\ncurrent-context: a',
      undefined,
      'refers to the cluster "x"',
    ],
    [
      'UserUnknown',
      'contexts: [{name: a, context: {cluster: x, user: y}}]\ncurrent-context: a\nclusters: [{name: x, cluster: {server: "https://x"}}]',
      undefined,
      'refers to the user "y"',
    ],
  ])('has the code %s and a message if the file contains: %s', async (code, text, context, words) => {
    const path = await write('config', text);
    const error = await failure(loadConnection({ kubeconfig: path, context, env: {} }));
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
  });

  test('has the code Unreadable if the kubeconfig is a folder', async () => {
    const path = await write('folder/inside', '');
    const error = await failure(loadConnection({ kubeconfig: join(path, '..'), env: {} }));
    expect(error.code).toBe('Unreadable');
  });
});

describe('in a kubeconfig', () => {
  const load = async (options: Parameters<typeof kubeconfig>[0]) =>
    loadConnection({ kubeconfig: await write('config', kubeconfig(options)), env: {} });

  test('client certificates and authorities are read as data or from files relative to the kubeconfig', async () => {
    await write('pki/ca.crt', 'CA');
    await write('pki/user.crt', 'CERT');
    const connection = await load({
      cluster: { 'certificate-authority': 'pki/ca.crt', 'tls-server-name': 'kubernetes' },
      user: {
        'client-certificate': 'pki/user.crt',
        'client-key-data': Buffer.from('KEY').toString('base64'),
      },
      namespace: 'shop',
    });
    const { tls, headers } = await connection.credentials();
    expect([tls.ca, tls.cert, tls.key].map(String)).toEqual(['CA', 'CERT', 'KEY']);
    expect(tls.servername).toBe('kubernetes');
    expect(headers).toEqual({});
    expect(connection).toMatchObject({
      server: 'https://127.0.0.1:6443',
      context: 'main',
      namespace: 'shop',
    });
  });

  test('username, password and impersonation are sent as headers', async () => {
    const connection = await load({
      user: {
        username: 'a',
        password: 'b',
        as: 'jane',
        'as-groups': ['g1', 'g2'],
        'as-uid': '7',
        'as-user-extra': { scopes: ['x', 'y'] },
      },
    });
    expect((await connection.credentials()).headers).toEqual({
      Authorization: `Basic ${Buffer.from('a:b').toString('base64')}`,
      'Impersonate-User': 'jane',
      'Impersonate-Group': ['g1', 'g2'],
      'Impersonate-Uid': '7',
      'Impersonate-Extra-scopes': ['x', 'y'],
    });
  });

  test('a token file takes precedence over a token, and is read again when credentials are refreshed', async () => {
    const path = await write('token', 'first\n');
    const connection = await load({ user: { token: 'ignored', tokenFile: 'token' } });
    expect((await connection.credentials()).headers.Authorization).toBe('Bearer first');
    await writeFile(path, 'second');
    expect((await connection.credentials({ refresh: true })).headers.Authorization).toBe('Bearer second');
  });

  test('an exec plugin gets the documented environment variables, and its credentials are used until the server refuses them', async () => {
    const plugin = await write(
      'plugins/login',
      `#!/bin/sh
echo run >> "${folder}/runs"
case "$KUBERNETES_EXEC_INFO" in *'"kind":"ExecCredential"'*) ;; *) echo "no info" >&2; exit 1;; esac
echo "{\\"kind\\":\\"ExecCredential\\",\\"status\\":{\\"token\\":\\"$PREFIX-$(wc -l < "${folder}/runs" | tr -d ' ')\\"}}"
`,
    );
    await chmod(plugin, 0o755);
    const connection = await load({
      user: {
        exec: {
          apiVersion: 'client.authentication.k8s.io/v1',
          command: './plugins/login',
          env: [{ name: 'PREFIX', value: 'tok' }],
        },
      },
    });
    const token = async (refresh: boolean) =>
      (await connection.credentials({ refresh })).headers.Authorization;
    expect([await token(false), await token(false), await token(true)]).toEqual([
      'Bearer tok-1',
      'Bearer tok-1',
      'Bearer tok-2',
    ]);
  });

  test('an exec plugin runs again only after its credentials have expired', async () => {
    const plugin = await write(
      'plugins/expiring',
      `#!/bin/sh
echo run >> "${folder}/expiring-runs"
runs=$(wc -l < "${folder}/expiring-runs" | tr -d ' ')
end=2000-01-01T00:00:00Z
[ "$runs" -ge 2 ] && end=2099-01-01T00:00:00Z
echo "{\\"kind\\":\\"ExecCredential\\",\\"status\\":{\\"token\\":\\"tok-$runs\\",\\"expirationTimestamp\\":\\"$end\\"}}"
`,
    );
    await chmod(plugin, 0o755);
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: './plugins/expiring' };
    const connection = await load({ user: { exec } });
    const token = async () => (await connection.credentials()).headers.Authorization;
    expect([await token(), await token(), await token()]).toEqual([
      'Bearer tok-1',
      'Bearer tok-2',
      'Bearer tok-2',
    ]);
  });

  test("an exec plugin that fails or is not installed causes an error with the plugin's name, and with the plugin's output or install hint", async () => {
    const missing = await load({ user: { exec: { command: 'no-such-plugin', installHint: 'Install it.' } } });
    const error = await failure(missing.credentials());
    expect(error.code).toBe('CredentialsFailed');
    expect(error.message).toMatch(/"no-such-plugin" failed: .*ENOENT.* Install it\.$/);
    const failing = await load({
      user: { exec: { command: 'sh', args: ['-c', 'echo expired >&2; exit 1'] } },
    });
    expect((await failure(failing.credentials())).message).toBe('the credential plugin "sh" failed: expired');
  });

  test('a server without TLS, such as `kubectl proxy`, is accepted', async () => {
    const connection = await load({ server: 'http://127.0.0.1:8001' });
    expect((await connection.credentials()).headers.Authorization).toBe('Bearer tok');
  });

  test('a proxy in the cluster entry takes precedence over a proxy in the environment, and loopback is not proxied', async () => {
    const env = { HTTPS_PROXY: 'http://proxy.corp:3128', NO_PROXY: '10.0.0.0/8,.svc,internal' };
    const proxyOf = async (server: string, cluster: object = {}) => {
      const path = await write('config', kubeconfig({ server, cluster }));
      return (await loadConnection({ kubeconfig: path, env })).proxyUrl;
    };
    expect(await proxyOf('https://eks.example.com')).toBe('http://proxy.corp:3128');
    expect(await proxyOf('https://eks.example.com', { 'proxy-url': 'socks5://p:1' })).toBe('socks5://p:1');
    for (const server of [
      'https://127.0.0.1:6443',
      'https://localhost:6443',
      'https://[::1]:6443',
      'https://10.1.2.3',
      'https://kubernetes.default.svc',
      'https://api.internal:443',
    ])
      expect(await proxyOf(server)).toBeUndefined();
  });
});
