/** A sandbox, a running `kon console`, and a browser on its page, for one test file. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { Environment } from '../../sandbox/src/environment.ts';
import { startBrowser } from '../browser.ts';
import { eventually } from '../../test/support/eventually.ts';
import type { Running } from '../../test/support/executable.ts';
import { startSandbox, type TestSandbox } from '../../test/support/sandbox.ts';

/** Starts a sandbox, runs the given `kon` commands in the sandbox, and starts a browser. */
export async function startSandboxAndBrowser(
  ...commands: readonly (readonly string[])[]
): Promise<readonly [TestSandbox, Browser]> {
  const [sandbox, browser] = await Promise.all([startSandbox(), startBrowser(process.env)]);
  for (const args of commands) {
    const { code, stderr } = await sandbox.kon(args);
    if (code !== 0) throw new Error(`kon ${args.join(' ')} failed:\n${stderr}`);
  }
  return [sandbox, browser];
}

export type Console = {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  /** Returns the link that the console printed last. Each link works once. */
  link(): string;
  readonly process: Running;
};

/** @param start starts `kon` with the given arguments, for example in the environment of a sandbox */
export async function openConsole(
  start: (args: readonly string[], options: { readonly env?: Environment }) => Running,
  args: readonly string[] = [],
  env: Environment = {},
): Promise<Console> {
  const process = start(['console', '--no-open', ...args], { env });
  await process.until('/#token=');
  const links = (): readonly string[] =>
    [...process.output().matchAll(/http:\S+#token=\S+/g)].map(([link]) => link);
  const link = (): string => links().at(-1) ?? '';
  return { origin: new URL(link()).origin, link, process };
}

export type Visitor = {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Errors and warnings that the page logged, for example violations of its content security policy. */
  readonly complaints: readonly string[];
  /** Origins that the page sent requests to. */
  readonly origins: ReadonlySet<string>;
  /** Bodies of the responses to API requests, except the stream. */
  readonly bodies: readonly string[];
};

export async function visit(browser: Browser, url: string): Promise<Visitor> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: new URL(url).origin });
  const page = await context.newPage();
  const complaints: string[] = [];
  const origins = new Set<string>();
  const bodies: string[] = [];
  page.on('console', (message) => {
    // The browser logs each refused request as an error. Tests check the page's own message instead.
    if (
      ['error', 'warning'].includes(message.type()) &&
      !message.text().startsWith('Failed to load resource')
    )
      complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => origins.add(new URL(request.url()).origin));
  page.on('response', (response) => {
    const { pathname } = new URL(response.url());
    if (!pathname.startsWith('/api/') || pathname === '/api/stream') return;
    response.text().then(
      (text) => bodies.push(text),
      () => undefined,
    );
  });
  await page.goto(url);
  return { context, page, complaints, origins, bodies };
}

/** Waits until the text of the page's main part contains `text`, and returns that text. */
export async function untilShown(page: Page, text: string | RegExp): Promise<string> {
  return eventually(`the page to show ${String(text)}`, async () => {
    const shown = await textOf(page);
    return (typeof text === 'string' ? shown.includes(text) : text.test(shown)) ? shown : undefined;
  });
}

/** Text of the page, with runs of white space reduced to single spaces. */
export async function textOf(page: Page): Promise<string> {
  const text = await page.locator('body').innerText();
  return text.replaceAll(/\s+/g, ' ');
}

/** Requests an API document with the session of the page. */
export function requestOf(page: Page, path: string): Promise<unknown> {
  return page.evaluate(async (url) => {
    const key = sessionStorage.getItem('kon-session');
    const answer = await fetch(url, { headers: { authorization: `Bearer ${key}` } });
    return answer.json() as Promise<unknown>;
  }, `/api/${path}`);
}

export { startBrowser };
