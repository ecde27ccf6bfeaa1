/**
 * HTTP server of the console: checks each request, serves the page, and passes API requests to the routes. A stream
 * sends server-sent events. The page reads them with `fetch`, because an EventSource cannot send the session key.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, constants } from 'node:zlib';
import { errorMessage } from '../../k8s/errors.ts';
import type { SetTimer } from '../../kube/index.ts';
import { CliError } from '../framework/errors.ts';
import type { ErrorCode } from '../framework/error-meanings.ts';
import { explain } from '../framework/explain.ts';
import type { Asset } from './assets.ts';
import { judge, securityHeaders, type Access } from './guard.ts';
import type { FeedMessage, WireError } from './wire.ts';

export type ApiRequest = {
  readonly method: string;
  /** Decoded segments of the path after `/api/`. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly body: unknown;
  readonly bearer: string | undefined;
  /** Aborted when the client closes the connection. */
  readonly signal: AbortSignal;
};

export type ApiAnswer =
  | { readonly kind: 'json'; readonly status?: number; readonly value: unknown }
  /**
   * `open` is called with a function that sends messages. `open` returns a function that ends the stream. The response
   * ends when `signal` aborts.
   */
  | {
      readonly kind: 'stream';
      readonly open: (send: (message: FeedMessage) => void) => () => void;
      readonly signal: AbortSignal;
    };

export type ConsoleServer = { readonly port: number; close(): Promise<void> };

/** Maximum size of a request body. The page sends no larger bodies. */
const mostBytes = 4096;
/**
 * Interval of heartbeats, which keep proxies and browsers from closing an idle stream, and detect a disconnected
 * client.
 */
const heartbeatMs = 15_000;

export async function startConsoleServer(options: {
  readonly host: string;
  readonly port: number;
  readonly assets: ReadonlyMap<string, Asset>;
  /** Returns the access rules for a port, because the accepted Host headers contain the port. */
  readonly access: (port: number) => Access;
  readonly api: (request: ApiRequest) => Promise<ApiAnswer>;
  readonly setTimer: SetTimer;
  readonly debug: (text: string) => void;
}): Promise<ConsoleServer> {
  const { assets, api, setTimer, debug } = options;
  let access: Access | undefined;
  const page = assets.get('/index.html');
  const compressed = new Map(
    [...assets].map(([path, { body }]) => [
      path,
      brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
    ]),
  );

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
    const url = new URL(request.url ?? '/', 'http://console');
    const { method = '', headers } = request;
    if (!access) throw new Error('a request arrived before the server listens');
    const verdict = judge({ method, path: url.pathname, headers }, access);
    if (!verdict.allowed) {
      debug(`console: refused ${method} ${url.pathname}: ${verdict.message}`);
      const code: ErrorCode = verdict.status === 401 ? 'UNAUTHENTICATED' : 'FORBIDDEN';
      return sendError(response, verdict.status, new CliError(code, verdict.message));
    }
    if (url.pathname !== '/api' && !url.pathname.startsWith('/api/')) {
      if (method !== 'GET')
        return sendError(
          response,
          405,
          new CliError('USAGE', `the method ${method} is not allowed for files; use GET`),
        );
      const asset = assets.get(url.pathname);
      const path = asset ? url.pathname : '/index.html';
      // A path that is not a file shows the page, unless the path ends like a file name.
      const found = asset ?? (/\.\w+$/.test(url.pathname) ? undefined : page);
      if (!found) return sendError(response, 404, new CliError('NOT_FOUND', 'the file does not exist'));
      const acceptsBrotli = /\bbr\b/.test(headers['accept-encoding'] ?? '');
      response.writeHead(200, {
        ...found.headers,
        vary: 'accept-encoding',
        ...(acceptsBrotli ? { 'content-encoding': 'br' } : {}),
      });
      response.end(acceptsBrotli ? compressed.get(path) : found.body);
      return;
    }
    response.setHeader('cache-control', 'no-store');
    const gone = new AbortController();
    response.once('close', () => gone.abort(new Error('the client closed the connection')));
    const answer = await api({
      method,
      path: url.pathname
        .slice('/api/'.length)
        .split('/')
        .map((segment) => decodeURIComponent(segment)),
      query: url.searchParams,
      body: method === 'POST' ? await bodyOf(request) : undefined,
      bearer: verdict.bearer,
      signal: gone.signal,
    });
    if (answer.kind === 'json') return sendJson(response, answer.status ?? 200, answer.value);
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'x-accel-buffering': 'no',
    });
    const write = (text: string): void => {
      if (!gone.signal.aborted) response.write(text);
    };
    const end = answer.open((message) => write(`data: ${JSON.stringify(message)}\n\n`));
    let cancelBeat = (): void => undefined;
    const beat = (): void => {
      write(':\n\n');
      cancelBeat = setTimer(beat, heartbeatMs);
    };
    beat();
    const close = (): void => void response.end();
    if (answer.signal.aborted) close();
    answer.signal.addEventListener('abort', close, { once: true, signal: gone.signal });
    gone.signal.addEventListener('abort', () => {
      cancelBeat();
      end();
    });
  };

  const server: Server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      debug(`console: ${request.method} ${request.url?.split('?')[0]}: ${errorMessage(error)}`);
      const explained = explain(error);
      if (response.headersSent) response.destroy();
      else sendError(response, statusOf(explained), explained);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new CliError(
          'PORT_UNAVAILABLE',
          `cannot listen on ${options.host}:${options.port}: ${error.message}`,
          {
            next: ['Choose another port: --port N', 'Let the system choose a port: omit --port'],
            cause: error,
          },
        ),
      ),
    );
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  access = options.access(port);
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** @throws CliError of code USAGE */
async function bodyOf(request: IncomingMessage): Promise<unknown> {
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? ''))
    throw new CliError('USAGE', 'the body of a request must be JSON');
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > mostBytes)
      throw new CliError('USAGE', `the body of a request is limited to ${mostBytes} bytes`);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new CliError('USAGE', 'the body of a request must be JSON', { cause: error });
  }
}

const statusByCode: Partial<Record<ErrorCode, number>> = {
  USAGE: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  NOT_INSTALLED: 404,
  CONFLICT: 409,
  INTERNAL: 500,
};

const statusOf = ({ code }: CliError): number => statusByCode[code] ?? 502;

function sendError(
  response: ServerResponse,
  status: number,
  { code, message, details, next }: CliError,
): void {
  const value: WireError = { code, message, details, next };
  // The body of a refused POST was not read, so the connection cannot be reused.
  response.setHeader('connection', 'close');
  sendJson(response, status, value);
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(value));
}
