/** The docs site in a browser: search, navigation, deep links, keyboard, themes, and narrow windows. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { navigation } from '../../scripts/site/navigation.ts';
import { renderSite } from '../../scripts/site/site.ts';
import { accessibilityFaults } from './axe.ts';
import { startBrowser, untilShown, visit, type Visitor } from './open-console.ts';

/** Path prefix, as on GitHub Pages. The site must work under any prefix. */
const prefix = '/konstellation/';
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};

let server: Server;
let browser: Browser;
let visitor: Visitor;
let page: Page;
let base: string;
const missing: string[] = [];

beforeAll(async () => {
  const [files, started] = await Promise.all([
    renderSite(resolve(import.meta.dirname, '../..'), navigation),
    startBrowser(process.env),
  ]);
  browser = started;
  server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://site');
    const path = pathname.slice(prefix.length).replace(/^$/, 'index.html');
    const content = pathname.startsWith(prefix) ? files.get(path) : undefined;
    if (content === undefined) missing.push(pathname);
    response.writeHead(content === undefined ? 404 : 200, {
      'content-type': types[extname(path)] ?? 'application/octet-stream',
    });
    response.end(content);
  });
  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', listening);
  });
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}`;
  visitor = await visit(browser, base);
  ({ page } = visitor);
});
afterAll(async () => {
  await browser?.close();
  server?.closeAllConnections();
  server?.close();
});

/** Whether the top of an element is visible in the window. */
const isInView = (selector: string): Promise<boolean> =>
  page.locator(selector).evaluate((element) => {
    const { top } = element.getBoundingClientRect();
    return top >= 0 && top < innerHeight;
  });

test('the search finds a section, and the result opens the page at this section', async () => {
  await page.goto(base);
  await page.getByLabel('Search the docs').fill('permissions boundary');
  await page.keyboard.press('Enter');
  await untilShown(page, /sections match "permissions boundary"/);
  expect(page.url()).toBe(`${base}search.html?q=permissions+boundary`);

  const link = page.locator('#search-results a').first();
  const href = (await link.getAttribute('href')) ?? '';
  const [, anchor = ''] = href.split('#');
  await link.click();
  await page.waitForURL(`${base}${href}`);
  await page.locator('main h1').waitFor();
  expect(await isInView(`[id="${anchor}"]`)).toBe(true);
});

test('the search page shows results while the user types, and reports when no section matches', async () => {
  await page.goto(`${base}search.html?q=quarantine`);
  const first = await untilShown(page, /sections match "quarantine"/);
  expect(first.toLowerCase()).toContain('cut off an account now');
  await page.getByLabel('Search the docs').fill('nosuchword');
  await untilShown(page, 'No section matches "nosuchword".');
  expect(await page.locator('#search-results li').count()).toBe(0);
  await page.getByLabel('Search the docs').fill('');
  await untilShown(page, 'Type a word above.');
});

test('each link of the navigation opens a page with a title, and the navigation marks the link of the open page', async () => {
  await page.goto(base);
  const links = page.locator('#navigation a');
  const hrefs = await links.evaluateAll((all) => all.map((each) => (each as HTMLAnchorElement).href));
  expect(hrefs).toHaveLength(navigation.flatMap(({ entries }) => entries).length);
  for (const href of hrefs) {
    await page.goto(href);
    expect(await page.locator('main h1').count(), href).toBe(1);
    const [address, anchor] = href.split('#');
    if (anchor !== undefined) continue;
    const current = page.locator('#navigation a[aria-current=page]');
    expect(await current.evaluateAll((all) => all.map((each) => (each as HTMLAnchorElement).href))).toEqual([
      address,
    ]);
  }
});

test('a link to a section opens the page at this section, also from another page', async () => {
  await page.goto(`${base}guides/gitops.html#flux`);
  expect(await isInView('#flux')).toBe(true);

  await page.goto(`${base}guides/gitops.html`);
  await page.getByRole('link', { name: 'Your first account' }).click();
  await page.waitForURL(`${base}index.html#five-minutes`);
  expect(await isInView('#five-minutes')).toBe(true);
});

test('a user can skip the navigation and search with the keyboard alone', async () => {
  await page.goto(`${base}guides/accounts.html`);
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the text');
  await page.keyboard.press('Enter');
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');

  await page.goto(`${base}guides/accounts.html`);
  const isSearch = (): Promise<boolean> => page.evaluate(() => document.activeElement?.id === 'search');
  for (let presses = 0; presses < 6 && !(await isSearch()); presses++) await page.keyboard.press('Tab');
  expect(await isSearch()).toBe(true);
  await page.keyboard.type('drift');
  await page.keyboard.press('Enter');
  await untilShown(page, /sections match "drift"/);
  expect(await isSearch()).toBe(true);
});

const pages = [
  '',
  'search.html?q=quarantine',
  'guides/permissions.html',
  'reference/cli.html',
  'reference/api.html',
  'adr/index.html',
];

test.each([
  ['light', 'rgb(255, 255, 255)'],
  ['dark', 'rgb(20, 24, 29)'],
] as const)('axe finds no fault in the %s theme', async (colorScheme, background) => {
  await page.emulateMedia({ colorScheme });
  for (const path of pages) {
    await page.goto(`${base}${path}`);
    if (path.startsWith('search')) await page.locator('#search-results a').first().waitFor();
    expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe(background);
    expect(await accessibilityFaults(page), path).toEqual([]);
  }
});

test.each([1024, 390])('a window of %i pixels shows every page without scrolling sideways', async (width) => {
  await page.setViewportSize({ width, height: 700 });
  for (const path of pages) {
    await page.goto(`${base}${path}`);
    expect(await page.evaluate(() => document.documentElement.scrollWidth), path).toBeLessThanOrEqual(width);
  }
  const toNavigation = page.getByRole('link', { name: 'All pages' });
  expect(await toNavigation.isVisible()).toBe(width < 900);
  if (width < 900) {
    await toNavigation.click();
    expect(await isInView('#navigation')).toBe(true);
  }
  await page.setViewportSize({ width: 1280, height: 800 });
});

test('the site uses only its own origin, causes no error or warning in the browser console, and requests only files that exist', () => {
  expect([...visitor.origins]).toEqual([new URL(base).origin]);
  expect(visitor.complaints).toEqual([]);
  expect(missing).toEqual([]);
});
