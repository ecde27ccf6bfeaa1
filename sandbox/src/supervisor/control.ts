/**
 * Control endpoint of the process that runs the sandbox: HTTP on loopback, protected by a secret from a file that only
 * the user can read. A response proves that the process is alive. A process id is no such proof, because the id can be
 * reused after a crash.
 */
import { randomUUID, timingSafeEqual } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { loopbackRequest } from '../loopback.ts';
import { sandboxDescription, type SandboxDescription } from './description.ts';
import type { SandboxEvent } from './events.ts';

const record = z.object({ pid: z.int(), control: z.url(), secret: z.string() });
type ControlRecord = z.infer<typeof record>;

export type ControlServer = { close(): Promise<void> };

export type Controlled = {
  /** Describes the sandbox; undefined shortly after the start, before the description is known. */
  describe(): Promise<SandboxDescription | undefined>;
  /** All events since the start, in order. */
  readonly events: readonly SandboxEvent[];
  stop(): void;
};

/** Serves the endpoint, and writes its address and secret to `file` atomically. */
export async function serveControl(file: string, controlled: Controlled): Promise<ControlServer> {
  const secret = randomUUID();
  const server = createServer((request, response) => {
    const given = Buffer.from(request.headers.authorization ?? '');
    const expected = Buffer.from(`Bearer ${secret}`);
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const reply = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
      response.end(JSON.stringify(body));
    };
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) reply(401, {});
    else if (request.method === 'GET' && pathname === '/status')
      controlled.describe().then(
        (description) => reply(200, description ?? null),
        () => reply(500, {}),
      );
    else if (request.method === 'GET' && pathname === '/events')
      reply(200, controlled.events.slice(Number(searchParams.get('from') ?? 0)));
    else if (request.method === 'POST' && pathname === '/stop') {
      reply(202, {});
      controlled.stop();
    } else reply(404, {});
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const content: ControlRecord = { pid: process.pid, control: `http://127.0.0.1:${port}`, secret };
  const temporary = `${file}.${process.pid}`;
  await writeFile(temporary, JSON.stringify(content), { mode: 0o600 });
  await rename(temporary, file);
  return {
    close: async () => {
      await rm(file, { force: true });
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

export type ControlClient = {
  /** Id of the process that runs the sandbox. */
  readonly pid: number;
  /** Describes the sandbox; undefined shortly after the start, before the description is known. */
  status(): Promise<SandboxDescription | undefined>;
  events(from: number): Promise<readonly SandboxEvent[]>;
  stop(): Promise<void>;
};

/** Connects to the sandbox whose record is in `file`; undefined if no running sandbox responds. */
export async function connectControl(file: string): Promise<ControlClient | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const parsed = record.safeParse(parseJson(text));
  if (!parsed.success) return undefined;
  const { pid, control, secret } = parsed.data;
  const call = async (path: string, method = 'GET'): Promise<unknown> => {
    const { status, body } = await loopbackRequest(`${control}${path}`, {
      method,
      headers: { authorization: `Bearer ${secret}` },
      signal: AbortSignal.timeout(5000),
    });
    if (status >= 300) throw new Error(`the process that runs the sandbox responded with status ${status}`);
    return JSON.parse(body);
  };
  const status = async (): Promise<SandboxDescription | undefined> =>
    sandboxDescription.nullable().parse(await call('/status')) ?? undefined;
  try {
    await status();
  } catch {
    return undefined;
  }
  return {
    pid,
    status,
    events: async (from) => (await call(`/events?from=${from}`)) as SandboxEvent[],
    stop: async () => {
      await call('/stop', 'POST');
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
