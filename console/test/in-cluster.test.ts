/** The console in a cluster: it reads with the token in each user's request, and has no permissions of its own. */
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { parse } from 'yaml';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resources } from '../../src/kube/index.ts';
import { policies } from '../../test/support/person.ts';
import type { TestSandbox } from '../../test/support/sandbox.ts';
import type { Running } from '../../test/support/executable.ts';
import { startSandboxAndBrowser, textOf, untilShown, visit } from './open-console.ts';
import { mayRead, tokenOfUser, type Kubeconfig } from './users.ts';

let sandbox: TestSandbox;
let browser: Browser;
let process_: Running;
let origin: string;

beforeAll(async () => {
  [sandbox, browser] = await startSandboxAndBrowser([
    'account',
    'create',
    'payments',
    '--policy',
    policies.readOnly,
  ]);
  const { clusters } = parse(await readFile(sandbox.description.kubeconfig, 'utf8')) as Kubeconfig;
  const cluster = clusters[0]?.cluster;
  const { hostname, port } = new URL(cluster?.server ?? '');
  const ca = join(sandbox.executable.folder, 'ca.crt');
  await writeFile(ca, Buffer.from(cluster?.['certificate-authority-data'] ?? '', 'base64'));
  const own = await freePort();
  origin = `http://127.0.0.1:${own}`;
  // The process gets neither a kubeconfig nor AWS credentials, like the container of a pod.
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

test('a user signs in with a cluster token, and reads with the permissions of that token', async () => {
  const token = await tokenOfUser(sandbox, 'viewer', mayRead);
  const { page, context, bodies } = await visit(browser, `${origin}/`);
  await untilShown(page, 'Sign in with a token of the cluster');
  await page.getByLabel('Token').fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await untilShown(page, 'The API server rejects this token.');
  expect(bodies.join('\n')).not.toContain('payments');

  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await untilShown(page, 'payments');
  await untilShown(page, 'as system:serviceaccount:staging:viewer');

  // Another user without permissions, in another browser session, sees no data of the first user.
  const other = await visit(browser, `${origin}/`);
  await other.page.getByLabel('Token').fill(await tokenOfUser(sandbox, 'stranger', []));
  await other.page.getByRole('button', { name: 'Sign in' }).click();
  await untilShown(other.page, 'You are not permitted to read accounts');
  expect(`${await textOf(other.page)} ${other.bodies.join('\n')}`).not.toContain('payments');
  await Promise.all([context.close(), other.context.close()]);
});

test("a user behind a proxy that adds the user's token does not have to sign in", async () => {
  const token = await tokenOfUser(sandbox, 'proxied', mayRead);
  const context = await browser.newContext({ extraHTTPHeaders: { authorization: `Bearer ${token}` } });
  const page = await context.newPage();
  await page.goto(`${origin}/`);
  await untilShown(page, 'payments');
  await untilShown(page, 'as system:serviceaccount:staging:proxied');
  await context.close();
});

test('the page reports that an answer does not consider inline policies that others added to a role', async () => {
  const token = await tokenOfUser(sandbox, 'curious', mayRead);
  const context = await browser.newContext({ extraHTTPHeaders: { authorization: `Bearer ${token}` } });
  const page = await context.newPage();
  await page.goto(`${origin}/who-can?action=s3:CreateBucket`);
  const shown = await untilShown(page, 'No account is known that may call s3:CreateBucket');
  expect(shown).toContain('Inline policies that others put on a role cannot be read');
  await context.close();
});

test('a user whose token is revoked is signed out, and the API returns no data for this token', async () => {
  const token = await tokenOfUser(sandbox, 'leaver', mayRead);
  const { page, context } = await visit(browser, `${origin}/`);
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await untilShown(page, 'payments');

  // The API server rejects tokens of a deleted ServiceAccount, but watches that were started with such a token
  // continue.
  await sandbox.client.delete(resources.serviceAccounts, { name: 'leaver', namespace: 'staging' });
  const shown = await untilShown(page, 'Sign in with a token of the cluster');
  expect(shown).not.toContain('payments');
  for (const path of ['/api/about', '/api/stream', '/api/accounts/payments']) {
    const answer = await fetch(`${origin}${path}`, { headers: { authorization: `Bearer ${token}` } });
    expect(answer.status).toBe(401);
    expect(await answer.text()).not.toContain('payments');
  }
  await context.close();
});

test('all streams of a user end when the token is revoked, also if the first requests of the user were concurrent', async () => {
  const token = await tokenOfUser(sandbox, 'parallel', mayRead);
  const streams = await Promise.all(
    Array.from({ length: 5 }, () =>
      fetch(`${origin}/api/stream`, { headers: { authorization: `Bearer ${token}` } }),
    ),
  );
  expect(streams.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  await sandbox.client.delete(resources.serviceAccounts, { name: 'parallel', namespace: 'staging' });
  const received = await Promise.all(streams.map((stream) => stream.text()));
  expect(received).toHaveLength(5);
});

test('the API returns no data without a token or with a wrong token', async () => {
  for (const headers of [{}, { authorization: 'Bearer wrong' }])
    for (const path of ['/api/about', '/api/stream', '/api/accounts/payments', '/api/changes']) {
      const answer = await fetch(`${origin}${path}`, { headers });
      expect(answer.status).toBe(401);
      expect(await answer.text()).not.toContain('payments');
    }
});

test("the console never calls AWS, because a call would use the credentials of the console's pod or node", async () => {
  const token = await tokenOfUser(sandbox, 'asker', mayRead);
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
  const asked = `${origin}/api/who-can?action=s3:GetObject`;
  expect(await (await fetch(asked, { headers })).json()).toMatchObject({
    rows: [{ account: 'payments', decision: 'allowed' }],
    isInlineEvaluated: false,
    notEvaluated: expect.arrayContaining(['inline policies that others put on a role']) as string[],
  });
  const calls = await sandbox.aws.journal(since);
  expect(calls.filter(({ action }) => /Simulate/.test(action))).toEqual([]);
});

test('the first request of a user waits until the accounts are listed, and fails if the user is not permitted to list accounts', async () => {
  const ask = async (token: string): Promise<Response> =>
    fetch(`${origin}/api/who-can?action=s3:GetObject`, { headers: { authorization: `Bearer ${token}` } });
  // The console sees each token for the first time, so it starts new informers for each request.
  for (const name of ['first', 'second', 'third', 'fourth', 'fifth']) {
    const answer = await ask(await tokenOfUser(sandbox, name, mayRead));
    expect(await answer.json()).toMatchObject({ rows: [{ account: 'payments' }] });
  }
  const refused = await ask(await tokenOfUser(sandbox, 'outsider', []));
  expect(refused.status).toBe(403);
  expect(await refused.json()).toMatchObject({ code: 'FORBIDDEN' });
});

test('concurrent requests with invalid tokens do not exclude a user', async () => {
  const token = await tokenOfUser(sandbox, 'welcome', mayRead);
  const ask = async (bearer: string): Promise<number> =>
    (await fetch(`${origin}/api/about`, { headers: { authorization: `Bearer ${bearer}` } })).status;
  // The console serves at most 20 users at once.
  const strangers = Array.from({ length: 40 }, (_, index) => ask(`invalid-${index}`));
  expect(await ask(token)).toBe(200);
  expect(new Set(await Promise.all(strangers))).toEqual(new Set([401]));
});
