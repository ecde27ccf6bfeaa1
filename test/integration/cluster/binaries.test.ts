import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BinaryEvent } from '../../../sandbox/src/binaries/events.ts';
import { findGo } from '../../../sandbox/src/binaries/go-build.ts';
import { resolveBinaries } from '../../../sandbox/src/binaries/resolve.ts';
import { startWatchdog, type Watchdog } from '../../../sandbox/src/processes/watchdog.ts';
import { monotonicClock } from '../../../src/k8s/testing/clocks.ts';

let watchdog: Watchdog;
let cacheHome: string;
beforeAll(async () => {
  watchdog = await startWatchdog();
  cacheHome = await mkdtemp(join(tmpdir(), 'kon-binaries-'));
});
afterAll(async () => {
  await watchdog.close();
  await rm(cacheHome, { recursive: true });
});

// The build takes seconds with a warm Go build cache, and about a minute without.
test.skipIf(findGo(process.env) === undefined)(
  'a program that is found nowhere is built once, from the pinned modules',
  { timeout: 300_000 },
  async () => {
    const events: BinaryEvent[] = [];
    // The test needs its own empty cache, but keeps using Go's build cache, whose location would otherwise change too.
    const { stdout: goCache } = await promisify(execFile)('go', ['env', 'GOCACHE']);
    const options = {
      env: {
        ...process.env,
        GOCACHE: goCache.trim(),
        XDG_CACHE_HOME: cacheHome,
        KUBEBUILDER_ASSETS: undefined,
      },
      now: monotonicClock,
      report: (event: BinaryEvent) => events.push(event),
      watchdog,
    };
    const [first, second] = await Promise.all([
      resolveBinaries(['etcd'], options),
      resolveBinaries(['etcd'], options),
    ]);
    expect(first).toEqual(second);
    const { stdout } = await promisify(execFile)(first.etcd.path, ['--version'], { env: {} });
    expect(stdout).toContain('etcd Version: 3.7.3');
    expect(events.filter((event) => event.kind === 'built')).toHaveLength(1);
    expect(events.some((event) => event.kind === 'waiting')).toBe(true);
    const cache = join(cacheHome, 'konstellation/binaries');
    expect(await readdir(cache)).toEqual([expect.stringMatching(/^etcd-3\.7\.3-/)]);
  },
);
