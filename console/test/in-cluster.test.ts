/** The console in a cluster: each user reads with the token that the request carries, and the process has no rights. */
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { parse } from 'yaml';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resources, type KubeObject } from '../../src/kube/index.ts';
import { policies } from '../../test/support/person.ts';
import { startSandbox, type TestSandbox } from '../../test/support/sandbox.ts';
import type { Running } from '../../test/support/executable.ts';
import { startBrowser, textOf, untilShown, visit } from './open-console.ts';

let sandbox: TestSandbox;
let browser: Browser;
let process_: Running;
let origin: string;

beforeAll(async () => {
  [sandbox, browser] = await Promise.all([startSandbox(), startBrowser(process.env)]);
  const { code, stderr } = await sandbox.kon([
    'account',
    'create',
    'payments',
    '--policy',
    policies.readOnly,
  ]);
  if (code !== 0) throw new Error(stderr);
  const { clusters } = parse(await readFile(sandbox.description.kubeconfig, 'utf8')) as {
    clusters: { cluster: { server: string; 'certificate-authority-data': string } }[];
  };
  const cluster = clusters[0]?.cluster;
  const { hostname, port } = new URL(cluster?.server ?? '');
  const ca = join(sandbox.executable.folder, 'ca.crt');
  await writeFile(ca, Buffer.from(cluster?.['certificate-authority-data'] ?? '', 'base64'));
  const own = await freePort();
  origin = `http://127.0.0.1:${own}`;
  // The environment of a pod: no kubeconfig, and no AWS credentials.
  process_ = sandbox.executable.start(['console', '--in-cluster', '--port', String(own)], {
    env: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port, KON_CONSOLE_CA_FILE: ca },
  });
  await process_.until('listens on port');
});
afterAll(async () => {
  await browser?.close();
  await process_?.end('SIGTERM');
  await sandbox?.stop();
});

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** A token of a new ServiceAccount with these rules. */
async function tokenOf(name: string, rules: readonly object[]): Promise<string> {
  const { client } = sandbox;
  const metadata = { name, namespace: 'staging' };
  await client.create(resources.serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata });
  const rbac = 'rbac.authorization.k8s.io';
  const role = { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name }, rules };
  await client.create<KubeObject>(resources.clusterRoles, role);
  const binding = {
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
    subjects: [{ kind: 'ServiceAccount', ...metadata }],
  };
  await client.create<KubeObject>(resources.clusterRoleBindings, binding);
  return (await client.createToken(metadata, { audiences: [], expirationSeconds: 3600 })).token;
}

const mayRead = [
  { apiGroups: ['k11n.dev'], resources: ['*'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
];

test('a user signs in with a token of the cluster, and reads with its rights', async () => {
  const token = await tokenOf('viewer', mayRead);
  const { page, context, bodies } = await visit(browser, `${origin}/`);
  await untilShown(page, 'Sign in with a token of the cluster');
  await page.getByLabel('Token').fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await untilShown(page, 'The API server rejects this token.');
  expect(bodies.join('\n')).not.toContain('payments');

  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  const shown = await untilShown(page, 'payments');
  expect(shown).toContain('as system:serviceaccount:staging:viewer');

  // Another user without rights, in another browser session, sees nothing of the first.
  const other = await visit(browser, `${origin}/`);
  await other.page.getByLabel('Token').fill(await tokenOf('stranger', []));
  await other.page.getByRole('button', { name: 'Sign in' }).click();
  await untilShown(other.page, 'You may not read accounts');
  expect(`${await textOf(other.page)} ${other.bodies.join('\n')}`).not.toContain('payments');
  await Promise.all([context.close(), other.context.close()]);
});

test('a proxy that adds the token of the user needs no sign-in', async () => {
  const token = await tokenOf('proxied', mayRead);
  const context = await browser.newContext({ extraHTTPHeaders: { authorization: `Bearer ${token}` } });
  const page = await context.newPage();
  await page.goto(`${origin}/`);
  const shown = await untilShown(page, 'payments');
  expect(shown).toContain('as system:serviceaccount:staging:proxied');
  await context.close();
});

test('without a token or with a wrong one, the API returns nothing', async () => {
  for (const headers of [{}, { authorization: 'Bearer wrong' }])
    for (const path of ['/api/about', '/api/stream', '/api/accounts/payments', '/api/changes']) {
      const answer = await fetch(`${origin}${path}`, { headers });
      expect(answer.status).toBe(401);
      expect(await answer.text()).not.toContain('payments');
    }
});

test('AWS is never asked, because the credentials would be those of the pod or its node', async () => {
  const token = await tokenOf('asker', mayRead);
  const since = await sandbox.aws.position();
  const headers = { authorization: `Bearer ${token}`, origin, 'content-type': 'application/json' };
  const decide = await fetch(`${origin}/api/accounts/payments/can-i?action=s3:GetObject`, { headers });
  const verify = await fetch(`${origin}/api/accounts/payments/verify`, {
    method: 'POST',
    headers,
    body: '{}',
  });
  for (const answer of [decide, verify])
    expect(await answer.json()).toMatchObject({
      code: 'AWS_UNAUTHENTICATED',
      message: 'the console in the cluster has no AWS credentials',
    });
  const calls = await sandbox.aws.journal(since);
  expect(calls.filter(({ action }) => /Simulate/.test(action))).toEqual([]);
});
