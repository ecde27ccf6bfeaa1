/**
 * Tests against a server that implements the exec protocol of the API server. Tests in test/integration use a real API
 * server.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';
import { staticConnection, type Connection } from '../connection.ts';
import { execEnd, openExec, type ExecSession } from './exec.ts';

type Serve = (socket: WebSocket, message: Buffer) => void;

let http: Server;
let offered: string[] = [];
let understood: readonly string[] = [];
let paths: string[] = [];
let serve: { open?: (socket: WebSocket) => void; message?: Serve } = {};
let refusal: { readonly status: number; readonly body: string } | undefined;

beforeEach(async () => {
  offered = [];
  paths = [];
  understood = ['v5.channel.k8s.io'];
  serve = {};
  refusal = undefined;
  http = createServer();
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (protocols) => {
      offered = [...protocols];
      return offered.find((protocol) => understood.includes(protocol)) ?? false;
    },
  });
  http.on('upgrade', (request, socket, head) => {
    // A client whose upgrade is refused closes its socket before the response is complete, which may cause a reset
    // error.
    socket.on('error', () => undefined);
    paths.push(request.url ?? '');
    if (refusal) {
      const { status, body } = refusal;
      socket.end(
        `HTTP/1.1 ${status} No\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
      );
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('message', (data: Buffer) => serve.message?.(webSocket, data));
      serve.open?.(webSocket);
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
});

afterEach(async () => {
  http.closeAllConnections();
  http.close();
});

const connection = (): Connection =>
  staticConnection({
    server: `http://127.0.0.1:${(http.address() as AddressInfo).port}/base`,
    token: 'secret',
  });

const open = (
  options: { readonly tty?: boolean; readonly signal?: AbortSignal } = {},
): Promise<ExecSession> =>
  openExec(connection(), {
    namespace: 'production',
    pod: 'web-1',
    container: 'web',
    command: ['sh', '-c', 'echo "a b"'],
    tty: options.tty ?? false,
    stdin: true,
    signal: options.signal ?? new AbortController().signal,
  });

const read = async (session: ExecSession): Promise<string> => {
  let text = '';
  for await (const { stream, data } of session.output) text += `${stream}:${data.toString('utf8')};`;
  return text;
};

const frame = (channel: number, text = ''): Buffer => Buffer.concat([Buffer.of(channel), Buffer.from(text)]);
const failure = (code: string): string =>
  JSON.stringify({
    metadata: {},
    status: 'Failure',
    message: 'command terminated with non-zero exit code',
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: code }] },
  });

describe('a program in a container', () => {
  it('is requested with one query parameter per argument, and without stderr if it has a terminal', async () => {
    serve.open = (socket) => socket.close();
    await read(await open());
    await read(await open({ tty: true }));
    const [plain, tty] = paths.map((path) => new URL(path, 'http://x'));
    expect(plain?.pathname).toBe('/base/api/v1/namespaces/production/pods/web-1/exec');
    expect(plain?.searchParams.getAll('command')).toEqual(['sh', '-c', 'echo "a b"']);
    expect(
      [plain, tty].map((url) => [url?.searchParams.get('tty'), url?.searchParams.get('stderr')]),
    ).toEqual([
      ['false', 'true'],
      ['true', 'false'],
    ]);
    expect(offered).toEqual(['v5.channel.k8s.io', 'v4.channel.k8s.io']);
  });

  it('yields stdout and stderr separately, and then its exit code', async () => {
    serve.open = (socket) => {
      for (const channel of [0, 1, 2, 3]) socket.send(frame(channel));
      socket.send(frame(1, 'out'));
      socket.send(frame(2, 'err'));
      socket.send(frame(1, 'more'));
      socket.send(frame(3, failure('7')));
      socket.close(1000);
    };
    const session = await open();
    expect(await read(session)).toBe('stdout:out;stderr:err;stdout:more;');
    expect(session.end()).toEqual({ kind: 'exited', code: 7 });
  });

  it("is notified of the end of its stdin if the server's subprotocol supports it", async () => {
    const got: Buffer[] = [];
    serve.message = (socket, message) => {
      got.push(message);
      if (message[0] === 255 || message[0] === 4) socket.close(1000);
    };
    const session = await open();
    await session.write(Buffer.from('in'));
    await session.endInput();
    await read(session);
    expect(got).toEqual([frame(0, 'in'), Buffer.of(255, 0)]);

    understood = ['v4.channel.k8s.io'];
    const old = await open();
    await old.endInput();
    await old.resize({ columns: 100, rows: 30 });
    await read(old);
    expect(got.slice(2)).toEqual([frame(4, '{"Width":100,"Height":30}')]);
  });

  it('loses no output when the reader is slow', async () => {
    const count = 5000;
    serve.open = (socket) => {
      for (let index = 0; index < count; index += 1) socket.send(frame(1, `${index},`));
      socket.send(frame(3, '{"status":"Success"}'));
      socket.close(1000);
    };
    const session = await open();
    let text = '';
    for await (const { data } of session.output) {
      text += data.toString('utf8');
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(text).toBe(Array.from({ length: count }, (_value, index) => `${index},`).join(''));
    expect(session.end()).toEqual({ kind: 'exited', code: 0 });
  });

  it('ends with `cut` when the connection ends before the server has sent a status', async () => {
    serve.open = (socket) => socket.close(1000);
    const closed = await open();
    await read(closed);
    expect(closed.end()).toEqual({ kind: 'cut' });
    serve.open = (socket) => socket.send(frame(1, 'out'), () => socket.terminate());
    const broken = await open();
    expect(await read(broken)).toBe('stdout:out;');
    expect(broken.end()).toMatchObject({
      kind: 'cut',
      error: { name: 'KubeUnreachableError', code: 'reset' },
    });
  });

  it('ends as its status states, even if the connection breaks after the status', async () => {
    const end = { kind: 'exited', code: 7 };
    serve.open = (socket) => {
      socket.send(frame(1, 'out'));
      socket.send(frame(3, failure('7')), () => socket.terminate());
    };
    const broken = await open();
    expect(await read(broken)).toBe('stdout:out;');
    expect(broken.end()).toEqual(end);

    serve.open = (socket) => socket.send(frame(3, failure('7')));
    const controller = new AbortController();
    const silent = await open({ signal: controller.signal });
    const reading = read(silent);
    await expect.poll(() => silent.end()).toEqual(end);
    controller.abort(new Error('enough'));
    expect(await reading).toBe('');
    expect(silent.end()).toEqual(end);
  });

  it('loses no output when it ends before it has read all its stdin', async () => {
    let server: WebSocket | undefined;
    serve.open = (socket) => (server = socket);
    const session = await open();
    const input = Buffer.alloc(100_000);
    // In the same turn of the event loop, the client writes, and the server closes the connection without reading the
    // client's input. This resets the connection.
    const sent = [session.write(input)];
    server?.send(frame(1, 'out'));
    server?.send(frame(3, failure('7')));
    server?.close(1000);
    server?.terminate();
    sent.push(session.write(input), session.endInput());
    const outcomes = Promise.allSettled(sent);
    expect(await read(session)).toBe('stdout:out;');
    expect(session.end()).toEqual({ kind: 'exited', code: 7 });
    // The writes after the first one fail, because the server has reset the connection.
    expect((await outcomes).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  });

  it("is not started if the server refuses the request, and the error contains the server's message", async () => {
    const body = JSON.stringify({
      kind: 'Status',
      reason: 'Forbidden',
      message: 'User "x" cannot',
      code: 403,
    });
    refusal = { status: 403, body };
    await expect(open()).rejects.toMatchObject({
      name: 'KubeApiError',
      reason: 'Forbidden',
      message: 'User "x" cannot',
    });
    refusal = { status: 502, body: 'no such host' };
    await expect(open()).rejects.toMatchObject({
      name: 'KubeApiError',
      status: 502,
      message: expect.stringContaining('no such host'),
    });
  });

  it('is not started if the signal is already aborted, and reading its output fails if the signal aborts later', async () => {
    await expect(open({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
    const controller = new AbortController();
    const session = await open({ signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(read(session)).rejects.toThrow('enough');
  });
});

describe('the end of a program', () => {
  it.each([
    ['{"status":"Success"}', { kind: 'exited', code: 0 }],
    [failure('130'), { kind: 'exited', code: 130 }],
    [
      '{"status":"Failure","reason":"InternalError","message":"no such program"}',
      { kind: 'failed', message: 'no such program' },
    ],
    ['container not found ("web")', { kind: 'failed', message: 'container not found ("web")' }],
  ])('is derived from the status %s', (text, end) => {
    expect(execEnd(text)).toEqual(end);
  });
});
