/** Calls the sandbox's kubelet over TLS, as the API server does. */
import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { request, type RequestOptions } from 'node:https';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createCertificateAuthority, type CertificateAuthority } from '../cluster/certificates.ts';
import { reservePorts } from '../processes/ports.ts';
import { kubeletClient, startKubeletFront } from './front.ts';
import { logLine, podLogFile, readPodLog } from './pod-log.ts';
import type { Wall } from '../../../src/k8s/time.ts';

const there = new Set(['production/web-1']);
const cleanups: (() => Promise<unknown>)[] = [];
let logs: string;
let authority: CertificateAuthority;
let port: number;
let apiServer: RequestOptions;
const asked: string[] = [];

beforeAll(async () => {
  logs = await mkdtemp(join(tmpdir(), 'kon-kubelet-test-'));
  cleanups.push(() => rm(logs, { recursive: true, force: true }));
  authority = await createCertificateAuthority('test', Date.now());
  // Simulates kwok: records requests, and echoes data.
  const kwok = createHttpServer();
  kwok.on('upgrade', (incoming, socket) => {
    asked.push(`${incoming.method} ${incoming.url}`);
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: SPDY/3.1\r\n\r\n');
    socket.pipe(socket);
  });
  kwok.listen(0, '127.0.0.1');
  await once(kwok, 'listening');
  cleanups.push(async () => {
    kwok.closeAllConnections();
    kwok.close();
  });
  const reservation = await reservePorts(1, Math.random);
  port = reservation.ports[0] ?? 0;
  cleanups.push(
    await startKubeletFront({
      port,
      tls: await authority.issueServer('node-1', ['127.0.0.1']),
      ca: authority.certificate,
      kwok: { port: (kwok.address() as AddressInfo).port, execPod: 'secret' },
      self: ['/usr/bin/node', '/kon.js'],
      logs,
      isThere: async ({ namespace, name }) => there.has(`${namespace}/${name}`),
      now: () => Date.parse('2026-01-01T00:00:10Z') as Wall,
    }),
    async () => reservation.release(),
  );
  apiServer = await as(kubeletClient);
});
afterAll(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
});

async function as(user: string): Promise<RequestOptions> {
  const { certificate, key } = await authority.issueClient(user, []);
  return { host: '127.0.0.1', port, ca: authority.certificate, cert: certificate, key, agent: false };
}

function ask(
  path: string,
  options: RequestOptions = apiServer,
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    request({ ...options, path }, (response) => {
      void text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }));
    })
      .on('error', reject)
      .end();
  });
}

const webLog = '/containerLogs/production/web-1/web';

describe('the client', () => {
  test('is refused unless it is the API server', async () => {
    await expect(ask(webLog, { host: '127.0.0.1', port, ca: authority.certificate })).rejects.toThrow();
    expect((await ask(webLog, await as('kubernetes-admin'))).status).toBe(403);
    expect((await ask(webLog)).status).toBe(200);
    expect((await ask('/pods')).status).toBe(404);
  });

  test('is refused exec and port forwarding unless it is the API server', async () => {
    asked.length = 0;
    const admin = await as('kubernetes-admin');
    for (const path of ['/exec/production/web-1/web?command=id', '/portForward/production/web-1?port=1']) {
      const upgrade = request({ ...admin, path, headers: { connection: 'upgrade', upgrade: 'websocket' } });
      upgrade.end();
      const [response] = (await once(upgrade, 'response')) as [IncomingMessage];
      expect(response.statusCode).toBe(403);
      response.resume();
      await once(upgrade, 'close');
    }
    expect(asked).toEqual([]);
  });
});

describe('a log', () => {
  const fileOf = (container: string): string =>
    podLogFile(logs, { namespace: 'production', pod: 'web-1', container });
  const second = (at: number): number => Date.parse('2026-01-01T00:00:00Z') + at * 1000;

  test('of a pod in which no program runs contains the command that runs a program whose output goes to this log', async () => {
    const { body } = await ask('/containerLogs/production/web-1/other');
    expect(body).toBe(
      'No program runs in this pod. To run a program in place of the pod: kon sandbox exec web-1 -n production --log -- PROGRAM\n',
    );
    expect((await ask(`${webLog}?previous=true`)).status).toBe(400);
  });

  test('is limited by the options of the request', async () => {
    await ask(webLog);
    const file = fileOf('web');
    for (const at of [1, 2, 8]) await appendFile(file, logLine(second(at), 'stdout', `line ${at}`));
    await appendFile(file, logLine(second(9), 'stderr', '  error  '));
    expect((await ask(`${webLog}?tailLines=2`)).body).toBe('line 8\n  error  \n');
    expect((await ask(`${webLog}?tailLines=0`)).body).toBe('');
    expect((await ask(`${webLog}?tailLines=1&timestamps=true`)).body).toBe(
      '2026-01-01T00:00:09.000Z   error  \n',
    );
    expect((await ask(`${webLog}?sinceSeconds=3`)).body).toMatch(/line 8\n {2}error {2}\n$/);
    expect((await ask(`${webLog}?sinceTime=2026-01-01T00:00:09Z&limitBytes=4`)).body).toBe('No p');
    expect((await readFile(file, 'utf8')).split('\n')).toHaveLength(6);
  });

  test('is followed line by line until the pod is deleted', async () => {
    await ask('/containerLogs/production/web-1/followed');
    const file = fileOf('followed');
    let isThere = true;
    const query = { follow: true, timestamps: false, tailLines: 0, since: undefined, limitBytes: undefined };
    const seen: string[] = [];
    const reading = (async () => {
      for await (const part of readPodLog(file, query, async () => isThere, new AbortController().signal)) {
        seen.push(part);
        if (part === '') await appendFile(file, `${logLine(second(10), 'stdout', 'new')}half a l`);
        if (part === 'new\n') await appendFile(file, 'ine\n');
        if (part.startsWith('half')) isThere = false;
      }
    })();
    await reading;
    expect(seen).toEqual(['', 'new\n', 'half a line\n']);
  });
});

test('the front passes an exec request to kwok as a kon command, under the secret pod name that kwok expects', async () => {
  const upgrade = request({
    ...apiServer,
    method: 'POST',
    path: '/exec/production/web-1/web?command=ls&command=-l&input=1&output=1&tty=0',
    headers: { connection: 'upgrade', upgrade: 'SPDY/3.1' },
  });
  upgrade.end();
  const [response, socket] = (await once(upgrade, 'upgrade')) as [
    { statusCode: number },
    NodeJS.ReadWriteStream,
  ];
  expect(response.statusCode).toBe(101);
  // Exit status that the test sends as a data frame on the error stream. The simulated kwok sends the frame back.
  const ended = JSON.stringify({ reason: 'InternalError', message: 'cmd wait: ls: exit status 7' });
  socket.write(Buffer.concat([Buffer.from([0, 0, 0, 1, 0, 0, 0, ended.length]), Buffer.from(ended)]));
  expect(String((await once(socket, 'data'))[0])).toContain('{"reason":"ExitCode","message":"7"}');
  socket.end();
  // The server resets the connection. `once` also listens for the resulting error event, which would otherwise be
  // unhandled.
  await once(socket, 'close');
  const url = new URL(asked.at(-1)?.split(' ')[1] ?? '', 'http://kwok');
  expect(url.pathname).toBe('/exec/secret/secret/main');
  expect(url.searchParams.getAll('command')).toEqual(
    '/usr/bin/node /kon.js sandbox exec web-1 -n production -c web -- ls -l'.split(' '),
  );
  expect(url.searchParams.get('input')).toBe('1');
});

describe('a port', () => {
  let echo: Server;
  let remote: number;
  beforeAll(async () => {
    echo = createServer((socket) => socket.pipe(socket));
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    remote = (echo.address() as AddressInfo).port;
  });
  afterAll(() => {
    echo.close();
  });

  const open = (to: number, pod = 'web-1'): { socket: WebSocket; next: () => Promise<Buffer> } => {
    const { cert, key, ca } = apiServer;
    const socket = new WebSocket(
      `wss://127.0.0.1:${port}/portForward/production/${pod}?port=${to}`,
      'v4.channel.k8s.io',
      { cert: cert as string, key: key as string, ca: ca as string },
    );
    const messages: Buffer[] = [];
    const waiting: ((message: Buffer) => void)[] = [];
    socket.on('message', (message: Buffer) => {
      const take = waiting.shift();
      if (take) take(message);
      else messages.push(message);
    });
    const next = (): Promise<Buffer> =>
      new Promise((resolve) => {
        const message = messages.shift();
        if (message) resolve(message);
        else waiting.push(resolve);
      });
    return { socket, next };
  };
  const numbered = (channel: number, of: number): Buffer => Buffer.of(channel, of & 255, of >> 8);

  test('of a pod is connected to a local port, in both directions, until the pod is deleted', async () => {
    there.add('production/web-2');
    const { socket, next } = open(remote, 'web-2');
    expect(await next()).toEqual(numbered(0, remote));
    expect(await next()).toEqual(numbered(1, remote));
    socket.send(Buffer.from('\0hello'));
    expect(await next()).toEqual(Buffer.from('\0hello'));
    there.delete('production/web-2');
    await once(socket, 'close');
  });

  test('without a listener is reported on the error channel', async () => {
    const gone = createServer().listen(0, '127.0.0.1');
    await once(gone, 'listening');
    const { port: nowhere } = gone.address() as AddressInfo;
    gone.close();
    await once(gone, 'close');
    const { socket, next } = open(nowhere);
    await next();
    await next();
    const error = await next();
    expect(error[0]).toBe(1);
    expect(error.toString('utf8', 1)).toMatch(
      new RegExp(`^error forwarding port ${nowhere} to pod web-1: .*ECONNREFUSED`),
    );
    if (socket.readyState !== WebSocket.CLOSED) await once(socket, 'close');
  });
});
