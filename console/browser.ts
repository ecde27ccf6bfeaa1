/** Finds Chromium on this machine, and starts it for tests, benchmarks and screenshots. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const wellKnown = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** Returns the path of the browser: `$KON_CHROMIUM`, or the first installed one that is found. */
export function findChromium(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const chosen = env['KON_CHROMIUM'];
  if (chosen) return chosen;
  const folders = (env['PATH'] ?? '').split(delimiter).filter(Boolean);
  const paths = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...paths, ...wellKnown].find((path) => existsSync(path));
}

export const missingBrowser =
  'the console tests need Chromium: install it (Debian: apt-get install chromium), or set KON_CHROMIUM to its path';

/** @throws Error if no browser is installed */
export async function startBrowser(env: Readonly<Record<string, string | undefined>>): Promise<Browser> {
  const executablePath = findChromium(env);
  if (executablePath === undefined) throw new Error(missingBrowser);
  return chromium.launch({
    executablePath,
    // Containers often run as root, and Chromium refuses to run as root with its sandbox enabled. Without the sandbox,
    // the browser opens only this project's pages.
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
