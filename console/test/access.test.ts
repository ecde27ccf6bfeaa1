/** Access to the console: only the owner of the link gets a response, with the permissions of the kubeconfig. */
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { policies } from '../../test/support/person.ts';
import type { TestSandbox } from '../../test/support/sandbox.ts';
import {
  openConsole,
  startSandboxAndBrowser,
  textOf,
  untilShown,
  visit,
  type Console,
} from './open-console.ts';
import { editKubeconfig, kubeconfigOfUser, type Rule } from './users.ts';

let sandbox: TestSandbox;
let browser: Browser;
let served: Console;

beforeAll(async () => {
  [sandbox, browser] = await startSandboxAndBrowser([
    'account',
    'create',
    'payments',
    '--policy',
    policies.readOnly,
  ]);
  served = await openConsole((args, options) => sandbox.startKon(args, options));
});
afterAll(async () => {
  await browser?.close();
  await served?.process.end('SIGTERM');
  await sandbox?.stop();
});

type Answer = {
  readonly status: number;
  readonly body: string;
  readonly headers: NodeJS.Dict<string | string[]>;
};

/** Sends a request with exactly these headers. A browser or `fetch` would add others. */
function send(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body = '',
): Promise<Answer> {
  const { hostname, port } = new URL(served.origin);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: text, headers: response.headers }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

async function session(): Promise<string> {
  const token = new URL(served.link()).hash.replace('#token=', '');
  const { status, body } = await send(
    'POST',
    '/api/session',
    { 'content-type': 'application/json', origin: served.origin },
    JSON.stringify({ token }),
  );
  expect(status).toBe(200);
  await served.process.until('The link was used');
  return (JSON.parse(body) as { session: string }).session;
}

test('a console link starts one session; a wrong token, or the token of a used link, starts none', async () => {
  const used = new URL(served.link()).hash.replace('#token=', '');
  const key = await session();
  expect((await send('GET', '/api/about', { authorization: `Bearer ${key}` })).status).toBe(200);
  for (const token of [used, 'wrong', '']) {
    const { status, body } = await send(
      'POST',
      '/api/session',
      { 'content-type': 'application/json', origin: served.origin },
      JSON.stringify({ token }),
    );
    expect(status).toBe(401);
    expect(body).not.toContain('"session"');
  }
  for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: `Bearer ${used}` }])
    for (const path of ['/api/about', '/api/stream', '/api/accounts/payments']) {
      const { status, body } = await send('GET', path, headers);
      expect(status).toBe(401);
      expect(body).not.toContain('payments');
    }
});

test('a request with another Host or Origin is refused, even with a session', async () => {
  const authorization = `Bearer ${await session()}`;
  const path = '/api/accounts/payments';
  expect((await send('GET', path, { authorization })).body).toContain('payments');
  for (const headers of [
    { host: 'attacker.example' },
    { host: `attacker.example:${new URL(served.origin).port}` },
    { origin: 'http://attacker.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ]) {
    const { status, body } = await send('GET', path, { authorization, ...headers });
    expect([403, 421]).toContain(status);
    expect(body).not.toContain('payments');
  }
  expect((await send('GET', '/', { host: 'attacker.example' })).status).toBe(421);
});

test('a page of another origin cannot read or write, although the browser can reach the console', async () => {
  const key = await session();
  const attacker = createServer((_request, response) => response.end('<title>another</title>'));
  await new Promise<void>((resolve) => {
    attacker.listen(0, '127.0.0.1', resolve);
  });
  const { page, context } = await visit(
    browser,
    `http://127.0.0.1:${(attacker.address() as AddressInfo).port}/`,
  );
  const outcomes = await page.evaluate(
    async ([origin, given]) => {
      const attempt = (path: string, options: RequestInit): Promise<string> =>
        fetch(`${origin}${path}`, options).then(
          (answer) => answer.text(),
          () => 'refused',
        );
      return Promise.all([
        attempt('/api/accounts/payments', { headers: { authorization: `Bearer ${given}` } }),
        attempt('/api/about', {}),
        attempt('/', {}),
        attempt('/api/session', { method: 'POST', body: '{}', mode: 'no-cors' }),
      ]);
    },
    [served.origin, key],
  );
  expect(outcomes).toEqual(['refused', 'refused', 'refused', 'refused']);
  await context.close();
  attacker.close();
  // The link still starts a session, so the refused requests did not use up its token.
  await session();
});

test('every response forbids inline scripts, content from other origins, and frames', async () => {
  for (const path of ['/', '/pods', '/api/about', '/nothing.js']) {
    const { headers } = await send('GET', path);
    expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'");
    expect(headers['x-frame-options']).toBe('DENY');
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['referrer-policy']).toBe('no-referrer');
    expect(headers['set-cookie']).toBeUndefined();
    expect(headers['access-control-allow-origin']).toBeUndefined();
  }
  expect((await send('GET', '/')).body).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=/);
  expect((await send('GET', '/nothing.js')).status).toBe(404);
  expect((await send('GET', '/../package.json')).status).toBe(404);
});

test('a signed-in user can open a screen in a second tab, and a used console link shows how to get a new link', async () => {
  const link = served.link();
  const { page, context } = await visit(browser, link);
  await untilShown(page, 'Live');
  expect(page.url()).toBe(`${served.origin}/`);

  const tab = await context.newPage();
  await tab.goto(`${served.origin}/accounts/payments`);
  await untilShown(tab, 'Ready: True');

  const other = await visit(browser, link);
  const shown = await untilShown(other.page, 'Open the console from the terminal');
  expect(shown).toContain('The link was already used, or is wrong.');
  expect(shown).not.toContain('payments');
  await Promise.all([context.close(), other.context.close()]);
});

async function seenBy(
  name: string,
  rules: readonly Rule[],
  path: string,
  text: string | RegExp,
): Promise<string> {
  const KUBECONFIG = await kubeconfigOfUser(sandbox, name, rules);
  const own = await openConsole((args, options) => sandbox.startKon(args, options), [], { KUBECONFIG });
  const { page, context, bodies } = await visit(browser, own.link());
  await untilShown(page, 'What is in the way?');
  await page.goto(`${own.origin}${path}`);
  await untilShown(page, text);
  const shown = `${await textOf(page)}\n${bodies.join('\n')}`;
  await context.close();
  await own.process.end('SIGTERM');
  return shown;
}

const read = ['get', 'list', 'watch'];

test('a user without permissions sees which permissions are missing, but sees no data', async () => {
  const shown = await seenBy(
    'stranger',
    [],
    '/',
    /You are not permitted to read accounts.*You are not permitted to read targets/,
  );
  expect(shown).toMatch(
    /linkedserviceaccounts.k11n.dev is forbidden: User "system:serviceaccount:staging:stranger"/,
  );
  expect(shown).not.toContain('payments');
  expect(shown).not.toContain('All accounts are ready.');
});

test('a user without permissions is not shown that an account or a pod does not exist', async () => {
  const account = await seenBy('blind', [], '/accounts/payments', 'You are not permitted to read accounts');
  expect(account).not.toContain('No account has this name.');
  const pod = await seenBy('sightless', [], '/pods/staging/web-0', 'You are not permitted to read pods');
  expect(pod).not.toContain('No pod with this name');
  const proofs = await seenBy('unseeing', [], '/proofs', 'You are not permitted to read accounts');
  expect(proofs).not.toContain('0 of 0 links');
});

test('a user who is not permitted to read pods and Events is not shown that there are none', async () => {
  const rules = [
    { apiGroups: ['k11n.dev'], resources: ['linkedserviceaccounts', 'clusterconfigs'], verbs: read },
  ];
  const account = await seenBy(
    'planner',
    rules,
    '/accounts/payments',
    /unknown which pods are affected.*You are not permitted to read events/,
  );
  expect(account).not.toContain('No pod is affected.');
  expect(account).not.toContain('No running pod loses access.');
  const who = await seenBy(
    'asker',
    rules,
    '/who-can?action=s3:GetObject',
    /You are not permitted to read pods.*1 of 1 accounts may call s3:GetObject on \*\./,
  );
  expect(who).not.toContain('No pod uses it.');
});

test('a user who is permitted to read only accounts sees the accounts, and the missing permissions for pods', async () => {
  const rules = [
    { apiGroups: ['k11n.dev'], resources: ['linkedserviceaccounts', 'clusterconfigs'], verbs: read },
  ];
  const shown = await seenBy('auditor', rules, '/pods', 'You are not permitted to read pods');
  expect(shown).not.toContain('You are not permitted to read accounts');
  const accounts = await seenBy('reader', rules, '/', /Live .*payments/);
  expect(accounts).not.toContain('You are not permitted');
});

test('a verification fails if the user lacks the permissions for it', async () => {
  const rules = [{ apiGroups: ['k11n.dev'], resources: ['*'], verbs: read }];
  const KUBECONFIG = await kubeconfigOfUser(sandbox, 'viewer', rules);
  const own = await openConsole((args, options) => sandbox.startKon(args, options), [], { KUBECONFIG });
  const { page, context } = await visit(browser, own.link());
  await untilShown(page, 'payments');
  await page.getByRole('link', { name: 'payments' }).click();
  await page.getByRole('button', { name: 'Verify now' }).click();
  const shown = await untilShown(page, 'It cannot be verified');
  expect(shown).toMatch(/forbidden/);
  expect(shown).not.toContain('✓ proven ,');
  await context.close();
  await own.process.end('SIGTERM');
});

test('without a cluster or with rejected credentials, the console ends with an error before it prints a link', async () => {
  const dead = await editKubeconfig(sandbox, 'dead', ({ clusters }) => {
    for (const { cluster } of clusters) cluster.server = 'https://127.0.0.1:1';
  });
  const rejected = await editKubeconfig(sandbox, 'rejected', ({ users }) => {
    for (const each of users) each.user = { token: 'wrong' };
  });
  for (const [KUBECONFIG, code, text] of [
    [dead, 1, 'cannot be reached'],
    [rejected, 4, 'rejected your credentials'],
    [join(sandbox.executable.folder, 'none'), 1, 'kubeconfig'],
  ] as const) {
    const result = await sandbox.kon(['console', '--no-open'], { env: { KUBECONFIG } });
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toContain(text);
    expect(result.stderr).toContain('Next: ');
  }
});

test('a page reports that its console has ended, and how to open the console again', async () => {
  const own = await openConsole((args, options) => sandbox.startKon(args, options), ['--port', '0']);
  const { page, context } = await visit(browser, own.link());
  await untilShown(page, 'payments');
  await own.process.end('SIGTERM');
  await untilShown(page, 'Connection lost');
  // The page still shows the rows, with their state before the connection was lost.
  expect(await textOf(page)).toContain('payments');

  const { port } = new URL(own.origin);
  const again = await openConsole((args, options) => sandbox.startKon(args, options), ['--port', port]);
  await untilShown(page, 'Open the console from the terminal');
  await page.goto(again.link());
  await untilShown(page, 'payments');
  await context.close();
  await again.process.end('SIGTERM');
});
