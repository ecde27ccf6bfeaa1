import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loopbackRequest } from '../loopback.ts';
import { connectControl, type ControlServer, serveControl } from './control.ts';
import type { SandboxDescription } from './description.ts';
import type { SandboxEvent } from './events.ts';

const description: SandboxDescription = {
  state: 'running',
  name: 'sandbox',
  pid: process.pid,
  startedAt: '2026-11-24T08:00:00Z',
  folder: '/state',
  region: 'us-west-2',
  accountId: '123456789012',
  issuer: 'https://oidc.eks.us-west-2.amazonaws.com/id/0',
  server: 'https://127.0.0.1:20001',
  kubeconfig: '/state/kubeconfig',
  kubectl: '/cache/kubectl',
  awsEndpoint: 'http://127.0.0.1:20002',
  credentials: { accessKeyId: 'AKIA', secretAccessKey: 'secret' },
  nodeCredentials: { accessKeyId: 'AKIA', secretAccessKey: 'secret' },
  parts: [
    { name: 'etcd', version: '3.7.3', pid: 2, running: true, rssBytes: 1, log: '/state/logs/etcd.log' },
  ],
};

let folder: string;
let file: string;
let server: ControlServer;
let events: SandboxEvent[];
let known: SandboxDescription | undefined;
let stops: number;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kon-control-'));
  file = join(folder, 'sandbox.json');
  events = [];
  known = description;
  stops = 0;
  server = await serveControl(file, {
    describe: () => Promise.resolve(known),
    events,
    stop: () => {
      stops += 1;
    },
  });
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

test('a process that can read the control record of a sandbox can query and stop the sandbox', async () => {
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const client = await connectControl(file);
  expect(client?.pid).toBe(process.pid);
  expect(await client?.status()).toEqual(description);
  await client?.stop();
  expect(stops).toBe(1);
});

test('a request without the recorded secret is refused', async () => {
  const { control } = JSON.parse(await readFile(file, 'utf8')) as { control: string };
  for (const headers of [{}, { authorization: 'Bearer 00000000-0000-0000-0000-000000000000' }])
    expect((await loopbackRequest(`${control}/stop`, { method: 'POST', headers })).status).toBe(401);
  expect(stops).toBe(0);
});

test('the description of a sandbox is undefined right after the start', async () => {
  known = undefined;
  expect(await (await connectControl(file))?.status()).toBeUndefined();
});

test('a reader of events can continue from the position where it stopped', async () => {
  const client = await connectControl(file);
  events.push({ kind: 'cleaned', folder: '/state' }, { kind: 'stopping' });
  expect(await client?.events(0)).toEqual(events);
  expect(await client?.events(1)).toEqual([{ kind: 'stopping' }]);
});

test('an outdated or malformed control record is treated as missing', async () => {
  const record = await readFile(file, 'utf8');
  await server.close();
  expect(await connectControl(file)).toBeUndefined();
  await writeFile(file, record);
  expect(await connectControl(file)).toBeUndefined();
  await writeFile(file, '{"cut off');
  expect(await connectControl(file)).toBeUndefined();
});
