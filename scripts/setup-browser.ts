/**
 * Finds the browser for the console tests. If the browser is missing, installs it when run as root on Debian, and fails
 * with an explanation in all other cases.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { findChromium, missingBrowser } from '../console/browser.ts';

const canInstall = process.getuid?.() === 0 && existsSync('/etc/debian_version');
if (findChromium(process.env) === undefined && canInstall) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [
    ['update', '--quiet'],
    ['install', '--yes', '--quiet', '--no-install-recommends', 'chromium'],
  ])
    spawnSync('apt-get', args, { env, stdio: 'inherit' });
}
const found = findChromium(process.env);
if (found === undefined) {
  console.error(missingBrowser);
  process.exitCode = 1;
} else console.log(`browser: ${found}`);
