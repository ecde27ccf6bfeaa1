/**
 * Tests quarantine and release on the page. The page shows the same confirmation as the command line, and acts with the
 * permissions of the user.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apiVersion, quarantines, type Quarantine } from '../../src/api/index.ts';
import type { KubeObject } from '../../src/kube/index.ts';
import { peopleRoles } from '../../src/rbac/people-roles.ts';
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
import { kubeconfigOfUser, type Rule } from './users.ts';

let sandbox: TestSandbox;
let browser: Browser;
let served: Console;
let page: Page;

beforeAll(async () => {
  [sandbox, browser] = await startSandboxAndBrowser(
    ['account', 'create', 'payments', '--policy', policies.readOnly],
    ['app', 'create', 'web', '--account', 'payments', '--image', 'registry.k8s.io/pause:3.10'],
  );
  served = await openConsole((args, options) => sandbox.startKon(args, options));
  ({ page } = await visit(browser, served.link()));
  await untilShown(page, 'Live');
});
afterAll(async () => {
  await browser?.close();
  await served?.process.end('SIGTERM');
  await sandbox?.stop();
});

const quarantinesNow = async (): Promise<readonly Quarantine[]> =>
  (await sandbox.client.list<Quarantine>(quarantines, {})).items;

/** Returns the lines that a command prints before it asks for confirmation. */
async function consequence(...args: readonly string[]): Promise<readonly string[]> {
  const { stderr } = await sandbox.kon([...args, '--dry-run']);
  return stderr.trim().split('\n');
}

async function open(path: string, text: string | RegExp): Promise<string> {
  await page.goto(`${served.origin}${path}`);
  return untilShown(page, text);
}

/** Sends a POST request with the session of the page, without using its buttons. */
const post = (
  of: Page,
  path: string,
): Promise<{ readonly status: number; readonly body: { code?: string } }> =>
  of.evaluate(async (url) => {
    const headers = {
      authorization: `Bearer ${sessionStorage.getItem('kon-session')}`,
      'content-type': 'application/json',
    };
    const answer = await fetch(url, { method: 'POST', headers, body: '{}' });
    return { status: answer.status, body: (await answer.json()) as { code?: string } };
  }, `/api/${path}`);

/** Opens the account's page as a new user with these RBAC rules. `end` closes the page. */
async function pageOf(
  name: string,
  rules: readonly Rule[],
): Promise<{ readonly page: Page; readonly end: () => Promise<void> }> {
  const KUBECONFIG = await kubeconfigOfUser(sandbox, name, rules);
  const own = await openConsole((args, options) => sandbox.startKon(args, options), [], { KUBECONFIG });
  const visitor = await visit(browser, own.link());
  await untilShown(visitor.page, 'payments');
  await visitor.page.goto(`${own.origin}/accounts/payments`);
  return {
    page: visitor.page,
    end: async () => {
      await visitor.context.close();
      await own.process.end('SIGTERM');
    },
  };
}

const rulesOf = (name: string): readonly Rule[] =>
  peopleRoles.find(({ metadata }) => metadata.name === name)?.rules ?? [];

test('a user with only read permissions sees which permissions are missing, and cannot quarantine an account', async () => {
  const reader = await pageOf('reader', rulesOf('konstellation-view'));
  const shown = await untilShown(reader.page, 'you are not permitted to create quarantines.k11n.dev');
  expect(shown).toContain('The ClusterRole konstellation-respond grants the permissions on Quarantines.');
  expect(await reader.page.getByRole('button', { name: 'Quarantine …' }).isDisabled()).toBe(true);
  const { status, body } = await post(reader.page, 'accounts/payments/quarantine');
  expect([status, body.code]).toEqual([403, 'FORBIDDEN']);
  expect(await quarantinesNow()).toEqual([]);
  await reader.end();
});

test('the page shows the same confirmation as the command line, and changes nothing when the user cancels', async () => {
  await open('/accounts/payments', 'The account is not in quarantine.');
  await page.getByRole('button', { name: 'Quarantine …' }).click();
  const dialog = page.getByRole('dialog');
  const asked = await dialog.innerText();
  for (const line of await consequence('account', 'quarantine', 'payments')) expect(asked).toContain(line);
  expect(asked).toContain('Cut off the account "payments"?');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await dialog.waitFor({ state: 'hidden' });
  expect(await quarantinesNow()).toEqual([]);
});

test('a quarantined account is shown with the requesting user, the time and the reason, and is marked in all lists', async () => {
  await page.getByRole('button', { name: 'Quarantine …' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Reason').fill('incident 4711');
  await dialog.getByRole('button', { name: 'Cut off' }).click();
  const shown = await untilShown(page, /✕ quarantined in force.*incident 4711/);
  const [made] = await quarantinesNow();
  expect(made?.spec).toEqual({
    account: 'payments',
    requestedBy: 'kubernetes-admin',
    reason: 'incident 4711',
  });
  expect(shown).toMatch(
    new RegExp(
      `Requested by kubernetes-admin at ${made?.metadata.creationTimestamp} \\(\\d+s ago\\): incident 4711`,
    ),
  );
  const { stdout } = await sandbox.kon(['account', 'show', 'payments', '-o', 'json']);
  expect(stdout).toContain('"reason": "Quarantined"');

  await open('/', /payments ✕ quarantined/);
  await open('/pods?q=web', /payments ✕ quarantined/);
  await open('/proofs', /payments ✕ quarantined/);
  await open('/changes?q=payments', /payments ✕ quarantined/);
  await open('/who-can?action=s3:GetObject', /payments ✕ quarantined/);
  const [pod] = await webPods();
  await open(`/pods/${pod?.namespace}/${pod?.name}`, /payments ✕ quarantined/);
});

async function webPods(): Promise<readonly { readonly name: string; readonly namespace?: string }[]> {
  const pods = await Promise.all(
    ['production', 'staging'].map((namespace) =>
      sandbox.client.list<KubeObject>(
        { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true },
        { namespace, labelSelector: 'k11n.dev/app=web' },
      ),
    ),
  );
  return pods.flatMap(({ items }) => items.map(({ metadata }) => metadata));
}

test('a user without permission to read Quarantines sees that an account is quarantined, and which permission is missing', async () => {
  const auditor = await pageOf('auditor', [
    { apiGroups: ['k11n.dev'], resources: ['linkedserviceaccounts'], verbs: ['get', 'list', 'watch'] },
  ]);
  const shown = await untilShown(auditor.page, 'You are not permitted to read quarantines');
  expect(shown).toContain('✕ quarantined in force');
  // The user cannot read the Quarantine object, so the page does not show who requested the quarantine.
  expect(shown).not.toContain('Requested by');
  await auditor.end();
});

test('a user who is permitted only to quarantine accounts cannot release an account', async () => {
  const responder = await pageOf('responder', rulesOf('konstellation-respond'));
  const shown = await untilShown(responder.page, 'you are not permitted to delete quarantines.k11n.dev');
  expect(shown).toContain('The ClusterRole konstellation-release grants the permissions on Quarantines.');
  expect(await responder.page.getByRole('button', { name: 'Release …', exact: true }).isDisabled()).toBe(
    true,
  );
  const { status, body } = await post(responder.page, 'accounts/payments/release');
  expect([status, body.code]).toEqual([403, 'FORBIDDEN']);
  expect(await quarantinesNow()).toHaveLength(1);
  await responder.end();
});

test("the release of an account shows the same confirmation as the command line, deletes the account's pods, and ends the quarantine", async () => {
  const before = (await webPods()).map(({ name }) => name);
  await open('/accounts/payments', 'Requested by');
  await page.getByRole('button', { name: 'Delete the pods and release …' }).click();
  const dialog = page.getByRole('dialog');
  const asked = await dialog.innerText();
  const lines = await consequence('account', 'release', 'payments', '--delete-pods');
  // The texts of the page and the command differ only in the expiry time of a copied token.
  const timeless = (text: string): string => text.replaceAll(/\d{4}-\S+Z/g, 'TIME');
  for (const line of lines) expect(timeless(asked)).toContain(timeless(line));
  await dialog.getByRole('button', { name: 'Delete the pods and release' }).click();
  const shown = await untilShown(page, /Ready: True.*The account is not in quarantine\./);
  expect(shown).not.toContain('cannot be released');
  expect(await quarantinesNow()).toEqual([]);
  const after = (await webPods()).map(({ name }) => name);
  expect(after.filter((name) => before.includes(name))).toEqual([]);
  await open('/', 'payments');
  expect(await textOf(page)).not.toContain('quarantined');
});

test('a Quarantine that another client creates is shown without a reload', async () => {
  await open('/', 'payments');
  const object: Quarantine = {
    apiVersion,
    kind: 'Quarantine',
    metadata: { name: 'by-hand' },
    spec: { account: 'payments' },
  };
  await sandbox.client.create<Quarantine>(quarantines, object);
  await page.getByText('quarantined').first().waitFor();
});
