/**
 * The five questions that the console answers, in a real browser with a real cluster, compared with the command line.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { linkedServiceAccounts } from '../../src/api/resources.ts';
import type { LinkedServiceAccount } from '../../src/api/linked-service-account.ts';
import type { KubeObject } from '../../src/kube/index.ts';
import { eventually } from '../../test/support/eventually.ts';
import { policies } from '../../test/support/person.ts';
import type { TestSandbox } from '../../test/support/sandbox.ts';
import {
  openConsole,
  requestOf,
  startSandboxAndBrowser,
  textOf,
  untilShown,
  visit,
  type Console,
  type Visitor,
} from './open-console.ts';

const missingPolicy = 'arn:aws:iam::aws:policy/NoSuchPolicy';

let sandbox: TestSandbox;
let browser: Browser;
let served: Console;
let visitor: Visitor;
let page: Page;

beforeAll(async () => {
  [sandbox, browser] = await startSandboxAndBrowser(
    ['account', 'create', 'payments', '--policy', policies.readOnly],
    ['app', 'create', 'web', '--account', 'payments', '--image', 'registry.k8s.io/pause:3.10'],
    ['account', 'create', 'reports', '--policy', missingPolicy, '--no-wait', '--force'],
  );
  served = await openConsole((args, options) => sandbox.startKon(args, options));
  visitor = await visit(browser, served.link());
  ({ page } = visitor);
  await untilShown(page, 'Live');
});
afterAll(async () => {
  await browser?.close();
  await served?.process.end('SIGTERM');
  await sandbox?.stop();
});

async function kon(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await sandbox.kon(args);
  if (code !== 0) throw new Error(`kon ${args.join(' ')} failed:\n${stderr}`);
  return stdout;
}

/** Opens a screen by its address, as a shared link does. */
async function open(path: string, text: string | RegExp): Promise<string> {
  await page.goto(`${served.origin}${path}`);
  return untilShown(page, text);
}

const api = (path: string): Promise<unknown> => requestOf(page, path);

const json = async (...args: readonly string[]): Promise<Record<string, unknown>> =>
  JSON.parse(await kon(...args, '-o', 'json')) as Record<string, unknown>;

test('the page of a pod shows its ServiceAccount, role and policies, with the same texts as the command line', async () => {
  const [, row = ''] = (await kon('app', 'pods', 'web', '--target', 'staging', '-o', 'csv')).split('\r\n');
  const [target = '', name = '', , , , identity = '', holds = ''] = row.split(',');
  const shown = await open(`/pods/${target}/${name}`, 'AmazonS3ReadOnlyAccess');
  expect(identity).toBe('current');
  expect(shown).toContain(`Pod ${name} ✓ ${identity}`);
  expect(shown).toContain(`ServiceAccount ${target}/payments ✓ linked`);
  expect(shown).toContain('Mechanism IRSA');
  expect(shown).toContain(`Role ${holds} ✓ proven`);
  expect(shown).toContain(`${policies.readOnly} ✓ attached`);
  await eventually('the page to read the account that the command prints', async () =>
    isDeepStrictEqual(await api('accounts/payments'), await json('account', 'show', 'payments'))
      ? true
      : undefined,
  );

  await page.getByText(policies.readOnly).click();
  const statements = await untilShown(page, 's3:Get*');
  expect(statements).toContain('"Effect": "Allow"');
});

test('a pod without an account is shown with the role of its node', async () => {
  await kon('app', 'create', 'plain', '--image', 'registry.k8s.io/pause:3.10');
  const shown = await open('/pods?q=plain', 'node role');
  expect(shown).toContain('? none wanted node role');
});

test('the proof of an account is shown with the age of the token exchange, and the user can repeat the exchange', async () => {
  const shown = await open('/proofs?q=payments', 'staging');
  expect(shown).toMatch(/payments production ✓ proven \d+[sm] ago IRSA/);
  expect(shown).toMatch(/payments staging ✓ proven \d+s ago IRSA/);

  const { targets } = (await json('account', 'verify', 'payments')) as { targets: { target: string }[] };
  await page.goto(`${served.origin}/accounts/payments`);
  await page.getByRole('button', { name: 'Verify now' }).click();
  const result = page.getByRole('status', { name: 'Result of the verification' });
  await result.waitFor();
  expect(await result.getByRole('listitem').allInnerTexts()).toEqual(
    targets.map(({ target }) => expect.stringMatching(new RegExp(`^${target}: ✓ proven$`))),
  );
});

test('a refused token exchange is shown with the error message of STS', async () => {
  const restore = await sandbox.aws.inject({
    service: 'sts',
    action: 'AssumeRoleWithWebIdentity',
    error: {
      code: 'AccessDenied',
      message: 'Not authorized to perform sts:AssumeRoleWithWebIdentity',
      status: 403,
    },
  });
  try {
    await page.goto(`${served.origin}/accounts/payments`);
    await page.getByRole('button', { name: 'Verify now' }).click();
    const shown = await untilShown(page, 'not proven');
    expect(shown).toContain('Not authorized to perform sts:AssumeRoleWithWebIdentity');
  } finally {
    await restore();
  }
});

test('the accounts that can call an action are shown with their pods and the deciding statement, in agreement with IAM', async () => {
  await kon('account', 'create', 'queues', '--policy', policies.queues);
  const resource = 'arn:aws:s3:::orders/1';
  const shown = await open(
    `/who-can?action=s3:GetObject&resource=${resource}&without=${policies.readOnly}`,
    'accounts may call s3:GetObject',
  );
  expect(shown).toContain('payments ✓ allowed ✕ loses it without the policy');
  expect(shown).not.toContain('queues ✓ allowed');
  const lit = await page.locator('.lit').allInnerTexts();
  const uses = await kon('app', 'pods', 'web', '-o', 'name');
  expect(lit.map((key) => `pod/${key.split('/')[1]}`).toSorted()).toEqual(uses.trim().split('\n').toSorted());

  for (const [account, decision] of [
    ['payments', 'allowed'],
    ['queues', 'implicitDeny'],
  ] as const) {
    const answer = await sandbox.kon(['account', 'can-i', account, 's3:GetObject', resource, '-o', 'json']);
    expect(JSON.parse(answer.stdout)).toMatchObject({ decision });
  }
  await page.getByText('Decided by').click();
  expect(await page.locator('.answers pre').innerText()).toContain('s3:Get*');

  const named = await open(
    `/who-can?action=s3:GetObject&resource=${resource}&without=aws/AmazonS3ReadOnlyAccess`,
    'loses it without the policy',
  );
  const command = `kon who-can s3:GetObject ${resource} --without aws/AmazonS3ReadOnlyAccess`;
  expect(named).toContain(command);
  const [, ...args] = command.split(' ');
  const { items } = (await json(...args)) as { items: { account: string; loses: boolean }[] };
  expect(items.find(({ account }) => account === 'payments')).toMatchObject({ loses: true });

  await page.getByLabel('Action').fill('s3:getobjectac');
  await page.locator('datalist option[value="s3:GetObjectAcl"]').waitFor({ state: 'attached' });
});

test("an account's page and the list of accounts show the last use of the account with the same text as the command line", async () => {
  await page.goto(`${served.origin}/accounts/payments`);
  const printed = await eventually('the page to show the last use that the command prints', async () => {
    const text = /^Last used: +(.+)$/m.exec(await kon('account', 'show', 'payments'))?.[1];
    return text !== undefined && (await textOf(page)).includes(`Last used: ${text}`) ? text : undefined;
  });
  expect(printed).toMatch(/^(never since |2\d{3}-\d\d-\d\d \(today\))/);

  await open('/', 'payments');
  await eventually('the list to show the last use that the command prints', async () => {
    const [header = '', ...rows] = (await kon('account', 'list', '-o', 'csv')).split('\r\n');
    const row = rows.find((line) => line.startsWith('payments,'));
    const value = row?.split(',')[header.split(',').indexOf('LAST USED')] ?? '';
    return (await page.locator(`[title="${value}"]`).count()) > 0 ? true : undefined;
  });
});

test('the page refuses the same questions as the command line, with the same message', async () => {
  for (const [action, resource, ...more] of [
    ['s3:*', '*'],
    ['s3:GetObject', 'orders'],
    ['s3:GetObject', '*', '--without', 'account/None'],
  ] as const) {
    const { stderr, code } = await sandbox.kon(['who-can', action, resource, ...more, '-o', 'json']);
    expect(code).not.toBe(0);
    const { message } = JSON.parse(stderr) as { message: string };
    const query = new URLSearchParams({ action, resource, ...(more[1] ? { without: more[1] } : {}) });
    expect(await api(`who-can?${query}`)).toMatchObject({ message });
    await open(`/who-can?${query}`, message);
  }
});

test('the page lists the same changes as `kon account history`', async () => {
  const { client } = sandbox;
  const before = await client.get<LinkedServiceAccount & KubeObject>(linkedServiceAccounts, {
    name: 'payments',
  });
  await client.patch(
    linkedServiceAccounts,
    { name: 'payments' },
    { spec: { aws: { policyArns: [...(before.spec.aws.policyArns ?? []), policies.queues] } } },
    { type: 'merge', fieldManager: 'kubectl' },
  );
  await open('/changes?q=payments', `attached ${policies.queues}`);
  const shown = await textOf(page);
  expect(shown).toContain('the spec was last written by kubectl');

  type Items = {
    readonly items: readonly { readonly time: string; readonly message: string; account?: string }[];
  };
  const texts = ({ items }: Items): string[] =>
    items.map(({ time, message }) => `${time} ${message}`).toSorted();
  // The operator may still write conditions and Events between the two requests.
  await eventually('the page to list the changes that the command prints', async () => {
    const listed = (await api('changes?account=payments')) as Items;
    const history = (await json('account', 'history', 'payments')) as unknown as Items;
    return isDeepStrictEqual(texts(listed), texts(history)) ? true : undefined;
  });
});

test('an account with a problem is shown first, with the failed condition and the command that solves the problem', async () => {
  const shown = await open('/', 'reports');
  expect(shown.indexOf('reports')).toBeLessThan(shown.indexOf('payments'));
  expect(shown).toContain(`policy ${missingPolicy}`);

  const details = await open('/accounts/reports', 'In the way');
  expect(details).toContain('Policies ✕ False');
  expect(await page.locator('.chain .blocked').innerText()).toContain('Policies');
  const printed = await kon('account', 'show', 'reports');
  expect(printed).toContain('Correct the policies: kon account edit reports');
  expect(details).toContain('Correct the policies: kon account edit reports');
});

test('the effects of a deletion are shown with the pods that use the account', async () => {
  const shown = await open('/accounts/payments', 'What breaks if');
  expect(shown).toContain('1 app names the account: web.');
  expect(shown).toContain('is deleted too, which ends its sessions immediately.');
  const rows = (await kon('app', 'pods', 'web', '-o', 'name')).trim().split('\n');
  for (const row of rows) expect(shown).toContain(row.replace('pod/', ''));
});

test('a change by another client is shown within two seconds', async () => {
  await open('/', 'payments');
  const startedAt = performance.now();
  await sandbox.client.create(
    linkedServiceAccounts,
    {
      apiVersion: 'k11n.dev/v1alpha1',
      kind: 'LinkedServiceAccount',
      metadata: { name: 'live' },
      spec: { aws: { policyArns: [policies.readOnly] } },
    } as KubeObject,
    { fieldManager: 'kubectl' },
  );
  await page.getByRole('link', { name: 'live', exact: true }).waitFor({ timeout: 2000 });
  expect(performance.now() - startedAt).toBeLessThan(2000);
  await sandbox.client.delete(linkedServiceAccounts, { name: 'live' });
  await page.getByRole('link', { name: 'live', exact: true }).waitFor({ state: 'detached' });
});

test('the page uses only its own origin, causes no error or warning in the browser console, and receives no credentials', async () => {
  expect([...visitor.origins]).toEqual([served.origin]);
  expect(visitor.complaints).toEqual([]);
  const { credentials } = sandbox.description;
  const bodies = visitor.bodies.join('\n');
  expect(bodies).toContain('payments');
  expect(bodies).not.toContain(credentials.accessKeyId);
  expect(bodies).not.toContain(credentials.secretAccessKey);
  expect(bodies).not.toMatch(/client-key|PRIVATE KEY|SessionToken/);
});
