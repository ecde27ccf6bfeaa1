import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { arch, platform } from 'node:process';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startWatchdog, type Watchdog } from '../../../sandbox/src/processes/watchdog.ts';
import { cachedPath, cacheFolder } from '../../../sandbox/src/binaries/cache.ts';
import type { BinaryEvent } from '../../../sandbox/src/binaries/events.ts';
import { platformOf } from '../../../sandbox/src/binaries/platform.ts';
import { resolveBinaries, type ResolveOptions } from '../../../sandbox/src/binaries/resolve.ts';
import { monotonicClock } from '../../../src/k8s/testing/clocks.ts';

const system = platformOf(platform, arch);
let home: string;
let watchdog: Watchdog;
let server: Server | undefined;
let events: BinaryEvent[];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'kon-resolve-'));
  watchdog = await startWatchdog();
  events = [];
});
afterEach(async () => {
  server?.close();
  await watchdog.close();
  await rm(home, { recursive: true });
});

/** Options with an empty PATH, so that Go is not found even if the machine has Go. */
function options(env: Record<string, string> = {}): ResolveOptions {
  return {
    env: { HOME: home, PATH: join(home, 'empty'), ...env },
    now: monotonicClock,
    report: (event) => events.push(event),
    watchdog,
  };
}

async function executable(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  await chmod(path, 0o755);
}

async function mirror(listener: RequestListener): Promise<string> {
  const listening = createServer(listener);
  server = listening;
  await new Promise<void>((resolve) => {
    listening.listen(0, '127.0.0.1', resolve);
  });
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
}

test('programs are taken from the cache in the folder that XDG_CACHE_HOME names', async () => {
  const env = { XDG_CACHE_HOME: join(home, 'xdg') };
  const path = cachedPath(cacheFolder(env), 'etcd', system);
  await executable(path, '#!/bin/sh\n');
  expect(path).toBe(
    join(home, 'xdg/konstellation/binaries', `etcd-3.7.3-${system.os}-${system.arch}`, 'etcd'),
  );
  expect(await resolveBinaries(['etcd'], options(env))).toEqual({ etcd: { path, version: '3.7.3' } });
});

test('if a program is not cached and can neither be downloaded nor built with Go, the error says what to install', async () => {
  const nowhere = { KON_MIRROR_ENVTEST: 'http://127.0.0.1:1' };
  await expect(resolveBinaries(['kube-apiserver'], options(nowhere))).rejects.toThrow(
    /kube-apiserver 1\.36\.3 is not installed.*\nInstall Go 1\.26 or later \(https:\/\/go\.dev\/dl\)/,
  );
  expect(events.map((event) => event.kind)).toEqual(['downloading', 'download-failed']);
  expect(await readdir(cacheFolder({ HOME: home }))).toEqual([]);
});

test('an archive with a wrong digest is reported once for each program in it, and nothing is extracted from it', async () => {
  const requested: (string | undefined)[] = [];
  const url = await mirror((request, response) => {
    requested.push(request.url);
    response.end('no archive');
  });
  await expect(resolveBinaries(['etcd'], options({ KON_MIRROR_ENVTEST: url }))).rejects.toThrow(
    /cannot be built without Go/,
  );
  expect(requested).toEqual([`/envtest-v1.36.2/envtest-v1.36.2-${system.os}-${system.arch}.tar.gz`]);
  expect(events.find((event) => event.kind === 'download-failed')).toMatchObject({
    reason: expect.stringMatching(/^the file has the SHA-512 digest/) as string,
  });
  expect(await readdir(cacheFolder({ HOME: home }))).toEqual([]);
});

test.each([
  ['a wrong file', (_request, response) => response.end('not kubectl'), /^the file has the SHA-256 digest/],
  ['no file', (_request, response) => response.writeHead(404).end(), /^the server responded with 404/],
] satisfies [string, RequestListener, RegExp][])(
  'a mirror with %s is reported, and the program is built from source instead',
  async (_name, listener, reason) => {
    const requested: (string | undefined)[] = [];
    const url = await mirror((request, response) => {
      requested.push(request.url);
      listener(request, response);
    });
    await expect(resolveBinaries(['kubectl'], options({ KON_MIRROR_KUBERNETES: url }))).rejects.toThrow(
      /cannot be built without Go/,
    );
    expect(requested).toEqual([`/v1.36.3/bin/${system.os}/${system.arch}/kubectl`]);
    expect(events.find((event) => event.kind === 'download-failed')).toMatchObject({
      binary: 'kubectl',
      reason: expect.stringMatching(reason) as string,
    });
    expect(await readdir(cacheFolder({ HOME: home }))).toEqual([]);
  },
);

test('programs in KUBEBUILDER_ASSETS take precedence over the cache if their versions are compatible', async () => {
  const assets = join(home, 'assets');
  await executable(join(assets, 'etcd'), '#!/bin/sh\necho "etcd Version: 3.6.9"\n');
  await executable(join(assets, 'kube-apiserver'), '#!/bin/sh\necho "Kubernetes v1.36.0"\n');
  await executable(cachedPath(cacheFolder({ HOME: home }), 'etcd', system), '');
  expect(await resolveBinaries(['etcd', 'kube-apiserver'], options({ KUBEBUILDER_ASSETS: assets }))).toEqual({
    etcd: { path: join(assets, 'etcd'), version: '3.6.9' },
    'kube-apiserver': { path: join(assets, 'kube-apiserver'), version: '1.36.0' },
  });
  expect(events).toEqual([]);
});

test('a program in KUBEBUILDER_ASSETS whose minor version is not the required one is reported and ignored', async () => {
  const assets = join(home, 'assets');
  const path = join(assets, 'kube-apiserver');
  await executable(path, '#!/bin/sh\necho "Kubernetes v1.32.4"\n');
  const cached = cachedPath(cacheFolder({ HOME: home }), 'kube-apiserver', system);
  await executable(cached, '');
  expect(await resolveBinaries(['kube-apiserver'], options({ KUBEBUILDER_ASSETS: assets }))).toEqual({
    'kube-apiserver': { path: cached, version: '1.36.3' },
  });
  expect(events).toEqual([
    { kind: 'unfit', binary: 'kube-apiserver', path, version: '1.32.4', needed: '1.36.3' },
  ]);
});

test('files left by a process that was killed during a build are removed by the next run', async () => {
  const cache = cacheFolder({ HOME: home });
  await mkdir(join(cache, 'work-999999999'), { recursive: true });
  await expect(resolveBinaries(['etcd'], options())).rejects.toThrow(/Install Go/);
  expect(await readdir(cache)).toEqual([]);
});
