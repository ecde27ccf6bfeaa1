/** Tests the page with the keyboard, with an accessibility checker, in a small window, and with a dark theme. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { policies } from '../../test/support/person.ts';
import type { TestSandbox } from '../../test/support/sandbox.ts';
import { accessibilityFaults } from './axe.ts';
import { openConsole, startSandboxAndBrowser, untilShown, visit, type Console } from './open-console.ts';

let sandbox: TestSandbox;
let browser: Browser;
let served: Console;
let page: Page;

beforeAll(async () => {
  [sandbox, browser] = await startSandboxAndBrowser(
    ['account', 'create', 'payments', '--policy', policies.readOnly],
    [
      'account',
      'create',
      'reports',
      '--policy',
      'arn:aws:iam::aws:policy/NoSuchPolicy',
      '--no-wait',
      '--force',
    ],
    ['app', 'create', 'web', '--account', 'payments', '--image', 'registry.k8s.io/pause:3.10'],
  );
  served = await openConsole((args, options) => sandbox.startKon(args, options));
  ({ page } = await visit(browser, served.link()));
  await untilShown(page, 'payments');
});
afterAll(async () => {
  await browser?.close();
  await served?.process.end('SIGTERM');
  await sandbox?.stop();
});

async function open(path: string, text: string): Promise<void> {
  await page.goto(`${served.origin}${path}`);
  await untilShown(page, text);
}

const screens = [
  ['/', 'reports'],
  ['/pods', 'web-'],
  ['/proofs', 'staging'],
  ['/who-can', 'Action'],
  ['/changes', 'RoleCreated'],
  ['/accounts/payments', 'What breaks if'],
  ['/accounts/reports', 'In the way'],
  ['/nothing', 'There is no such screen'],
] as const;

test.each(['light', 'dark'] as const)('axe finds no fault on any screen in %s', async (colorScheme) => {
  await page.emulateMedia({ colorScheme });
  for (const [path, text] of screens) {
    await open(path, text);
    expect(await accessibilityFaults(page), path).toEqual([]);
  }
});

test('every screen fits a window of 1024 pixels without horizontal scrolling', async () => {
  await page.setViewportSize({ width: 1024, height: 700 });
  for (const [path, text] of screens) {
    await open(path, text);
    const [shown, needed] = await page.evaluate(() => {
      const main = document.querySelector('main');
      return [main?.clientWidth ?? 0, main?.scrollWidth ?? 0];
    });
    expect(needed, path).toBeLessThanOrEqual(shown ?? 0);
    expect(await page.evaluate(() => document.documentElement.scrollWidth), path).toBeLessThanOrEqual(1024);
  }
  await page.setViewportSize({ width: 1280, height: 800 });
});

test('a user can filter a list, select and open a row, and go back with the keyboard alone', async () => {
  await open('/', 'payments');
  await page.keyboard.press('/');
  await page.keyboard.type('payments');
  await untilShown(page, '1 of 2');
  expect(page.url()).toBe(`${served.origin}/?q=payments`);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await untilShown(page, 'Account payments');
  expect(new URL(page.url()).pathname).toBe('/accounts/payments');
  await page.goBack();
  await untilShown(page, '1 of 2');

  await open('/', 'payments');
  await page.keyboard.press('/');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  const active = await page.getByRole('grid').getAttribute('aria-activedescendant');
  expect(await page.locator(`[id="${active}"]`).innerText()).toContain('payments');
  await page.keyboard.press('Enter');
  await untilShown(page, 'Account payments');
});

test('a button copies the link to a screen, and the link restores the filter', async () => {
  await open('/?q=payments', '1 of 2');
  await page.getByRole('button', { name: 'Copy link' }).click();
  await untilShown(page, 'Copied');
  const link = await page.evaluate(() => navigator.clipboard.readText());
  expect(link).toBe(`${served.origin}/?q=payments`);
  await open('/pods', 'web-');
  await page.getByRole('button', { name: 'Copy link' }).waitFor();
  await page.goto(link);
  await untilShown(page, '1 of 2');
});

test('the slash key focuses the first field of each screen that has a filter or a question', async () => {
  for (const [path, label] of [
    ['/', 'Filter accounts'],
    ['/pods', 'Filter pods'],
    ['/proofs', 'Filter proofs'],
    ['/who-can', 'Action'],
    ['/changes', 'Filter changes'],
  ] as const) {
    await page.goto(`${served.origin}${path}`);
    const field = page.getByLabel(label, { exact: true });
    await field.waitFor();
    await page.keyboard.press('/');
    expect(await field.evaluate((element) => element === document.activeElement), path).toBe(true);
    expect(await field.inputValue()).toBe('');
  }
});

test('a button copies the kon command that a screen shows', async () => {
  await open('/accounts/payments', 'kon account show payments');
  await page.getByRole('button', { name: 'Copy the command kon account show payments' }).click();
  await untilShown(page, 'Copied');
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('kon account show payments');
});
