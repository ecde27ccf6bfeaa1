/**
 * Takes the screenshots in docs/images from a running sandbox: run `eval "$(kon sandbox env)"`, then this script. Requires `kon`
 * in dist/, and Chromium.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { startBrowser } from '../console/browser.ts';

const root = resolve(import.meta.dirname, '..');
const kon = join(root, 'dist', 'kon.js');
const folder = join(root, 'docs', 'images');

const run = (...args: readonly string[]): Promise<{ stdout: string }> =>
  promisify(execFile)(process.execPath, [kon, ...args]);
// Creates the accounts and the app for the screenshots. Objects that already exist are kept.
for (const args of [
  [
    'account',
    'create',
    'payments',
    '--policy',
    'aws/AmazonS3ReadOnlyAccess',
    '--policy',
    'aws/AmazonSQSReadOnlyAccess',
  ],
  ['account', 'create', 'reports', '--policy', 'aws/NoSuchPolicy', '--no-wait', '--force'],
  ['app', 'create', 'web', '--account', 'payments', '--image', 'registry.k8s.io/pause:3.10'],
])
  await run(...args).catch((error: unknown) => console.log(String(error).split('\n').at(1)));

await mkdir(folder, { recursive: true });
const server = spawn(process.execPath, [kon, 'console', '--no-open']);
const link = await new Promise<string>((found) => {
  let output = '';
  server.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    const match = /http\S+(?=\n)/.exec(output);
    if (match) found(match[0]);
  });
});
const browser = await startBrowser(process.env);
try {
  const page = await browser.newPage({ viewport: { width: 1120, height: 560 } });
  await page.goto(link);
  await page.getByRole('link', { name: 'payments' }).waitFor();
  await page.getByText('Live', { exact: true }).waitFor();
  await page.locator('.where', { hasText: ' as ' }).waitFor();
  await page.screenshot({ path: join(folder, 'console-map.png') });
  await page.getByRole('link', { name: 'Pods' }).click();
  await page.locator('.grid-row a', { hasText: 'web-' }).first().click();
  await page.getByText('attached').first().waitFor();
  await page.screenshot({ path: join(folder, 'console-pod.png') });
} finally {
  await browser.close();
  server.kill();
}
