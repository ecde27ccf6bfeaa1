/**
 * Measures the time from the start of a sandbox, whose programs are cached, until the account in the guide's example
 * has a verified identity.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { baseEnvironment } from '../../sandbox/src/environment.ts';
import type { Scenario } from '../scenario.ts';

const manifest = `apiVersion: k11n.dev/v1alpha1
kind: LinkedServiceAccount
metadata:
  name: myaccount
spec:
  aws:
    policyArns:
    - arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess
`;

export const sandbox: Scenario = {
  name: 'sandbox',
  summary: 'kon sandbox up with cached parts, and kon account create until the account is Ready',
  async run({ kon, note }) {
    const folder = await mkdtemp(join(tmpdir(), 'kon-bench-'));
    const base = {
      ...baseEnvironment(process.env),
      HOME: folder,
      KON_SANDBOX_DIR: join(folder, 'sandbox'),
      XDG_CACHE_HOME: process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
    };
    const run = async (args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> =>
      (await promisify(execFile)(process.execPath, [kon, ...args], { env })).stdout;
    try {
      await writeFile(join(folder, 'myaccount.yaml'), manifest);
      const startedAt = performance.now();
      await run(['sandbox', 'up', '--detach'], base);
      const up = (performance.now() - startedAt) / 1000;
      const status = JSON.parse(await run(['sandbox', 'status', '-o', 'json'], base)) as {
        env: Record<string, string>;
      };
      await run(['account', 'create', '-f', join(folder, 'myaccount.yaml')], { ...base, ...status.env });
      const ready = (performance.now() - startedAt) / 1000;
      note(`up after ${up.toFixed(1)} s, the account ready after ${ready.toFixed(1)} s`);
      return [{ name: 'sandbox until the example is proven', value: ready, unit: 's', bound: 20 }];
    } finally {
      await run(['sandbox', 'down'], base).catch(() => undefined);
      await rm(folder, { recursive: true, force: true });
    }
  },
};
