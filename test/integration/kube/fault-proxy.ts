/**
 * A proxy between a client and a real API server. It terminates TLS on both sides and injects the faults of networks
 * and load balancers. The faults are determined by a seed, so a run can be repeated.
 */
import { createServer, request as httpsRequest } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createAuthority } from '../../../src/http/testing/certificates.ts';

export type Fault =
  | { readonly kind: 'status'; readonly code: 429 | 500 | 503 }
  /** The request never arrives. */
  | { readonly kind: 'reset before' }
  /** The server handles the request, but the response is lost. */
  | { readonly kind: 'answer lost' }
  /** The body is cut after this many bytes, by a reset or by an orderly end of the connection. */
  | { readonly kind: 'cut'; readonly afterBytes: number; readonly by: 'reset' | 'end' }
  /** The response ends without an error after this many bytes, in the middle of its JSON. */
  | { readonly kind: 'truncated'; readonly afterBytes: number }
  /** After this many bytes no more data arrives, and the connection stays open. */
  | { readonly kind: 'blackhole'; readonly afterBytes: number }
  /** The body arrives in small pieces with pauses. */
  | { readonly kind: 'slow'; readonly pauseMs: number }
  /** The request reaches the server only when `until` resolves. */
  | { readonly kind: 'held'; readonly until: Promise<unknown> };

export type ProxiedRequest = { readonly method: string; readonly url: string; readonly fault?: Fault };

export type ChooseFault = (request: {
  readonly method: string;
  readonly url: string;
  readonly isWatch: boolean;
}) => Fault | undefined;

export type FaultProxy = {
  readonly url: string;
  readonly ca: string;
  readonly requests: readonly ProxiedRequest[];
  /** Sets the function that selects the fault for each request. */
  setFaults(choose: ChooseFault): void;
  /**
   * Returns the number of responses and watch events with status 410, which means that a resourceVersion is no longer
   * available.
   */
  goneAnswers(): number;
  /** Resets all open connections. */
  resetAll(): void;
  openConnections(): number;
  acceptedConnections(): number;
  /**
   * Breaks all connections. During `afterMs`, new connections get a certificate from an unknown authority; afterwards,
   * a new certificate from the right authority.
   */
  restartTls(afterMs: number): Promise<void>;
  /** Closes the listening port; `up` opens it again. */
  down(): Promise<void>;
  up(): Promise<void>;
  stop(): Promise<void>;
};

export async function startFaultProxy(upstream: {
  readonly server: string;
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
}): Promise<FaultProxy> {
  const authority = await createAuthority('fault-proxy-ca');
  const pair = await authority.issue({ name: 'fault-proxy', ips: ['127.0.0.1'] });
  const sockets = new Set<Socket>();
  const requests: ProxiedRequest[] = [];
  const stranger = await createAuthority('stranger');
  const strangePair = await stranger.issue({ name: 'fault-proxy', ips: ['127.0.0.1'] });
  let accepted = 0;
  let gone = 0;
  let choose: ChooseFault = () => undefined;
  const countGone = (found: boolean): void => {
    if (found) gone += 1;
  };

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const method = request.method ?? 'GET';
    const url = request.url ?? '/';
    const fault = choose({ method, url, isWatch: url.includes('watch=true') });
    requests.push({ method, url, ...(fault ? { fault } : {}) });
    if (fault?.kind === 'reset before') {
      request.socket.destroy();
      return;
    }
    if (fault?.kind === 'status') {
      const headers = fault.code === 500 ? {} : { 'retry-after': '0' };
      request.resume();
      response
        .writeHead(fault.code, { 'content-type': 'text/plain', ...headers })
        .end('a fault that was ordered');
      return;
    }
    if (fault?.kind === 'held') void fault.until.then(() => forward(request, response, { method, url }));
    else forward(request, response, { method, url, fault });
  };

  const forward = (
    request: IncomingMessage,
    response: ServerResponse,
    { method, url, fault }: { method: string; url: string; fault?: BodyFault | undefined },
  ): void => {
    const target = new URL(url, upstream.server);
    const forwarded = httpsRequest(
      target,
      { ...upstream.tls, method, headers: { ...request.headers, host: target.host }, agent: false },
      (answer) => {
        countGone(answer.statusCode === 410);
        void relay(answer, response, fault, countGone).catch(() => request.socket.destroy());
      },
    );
    // The API server is down, so the client sees its connection break.
    forwarded.on('error', () => request.socket.destroy());
    response.on('close', () => forwarded.destroy());
    request.pipe(forwarded);
  };

  const server = createServer({ ...pair }, handle);
  server.on('connection', (socket: Socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
  });
  server.on('tlsClientError', () => {});
  const listen = (port: number): Promise<void> =>
    new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const down = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    url: `https://127.0.0.1:${port}`,
    ca: authority.ca,
    requests,
    setFaults(next) {
      choose = next;
    },
    resetAll() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    openConnections: () => sockets.size,
    acceptedConnections: () => accepted,
    goneAnswers: () => gone,
    async restartTls(afterMs) {
      const next = await authority.issue({ name: 'fault-proxy', ips: ['127.0.0.1'] });
      server.setSecureContext(strangePair);
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      server.setSecureContext(next);
      for (const socket of sockets) socket.destroy();
    },
    down,
    up: () => listen(port),
    stop: down,
  };
}

/** Faults that affect a response, not a request. */
type BodyFault = Exclude<Fault, { kind: 'status' | 'reset before' | 'held' }>;

async function relay(
  answer: IncomingMessage,
  response: ServerResponse,
  fault: BodyFault | undefined,
  countGone: (found: boolean) => void,
): Promise<void> {
  if (fault?.kind === 'answer lost') {
    for await (const _ of answer);
    response.socket?.destroy();
    return;
  }
  const { 'content-length': _, ...headers } = answer.headers;
  // The original content length is left out, because it would reveal that the body is truncated.
  response.writeHead(answer.statusCode ?? 502, fault?.kind === 'truncated' ? headers : answer.headers);
  response.flushHeaders();
  let sent = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    countGone(chunk.includes('"type":"ERROR"') && chunk.includes('"code":410'));
    if (fault?.kind === 'slow') {
      for (let start = 0; start < chunk.length && !response.destroyed; start += 512) {
        response.write(chunk.subarray(start, start + 512));
        await new Promise((resolve) => setTimeout(resolve, fault.pauseMs));
      }
      continue;
    }
    if (fault === undefined || sent + chunk.length <= fault.afterBytes) {
      response.write(chunk);
      sent += chunk.length;
      continue;
    }
    response.write(chunk.subarray(0, fault.afterBytes - sent));
    if (fault.kind === 'truncated') break;
    if (fault.kind === 'blackhole') {
      // The proxy reads and discards the server's response, and never ends the response to the client.
      for await (const _ of answer);
      return;
    }
    if (fault.by === 'reset') response.socket?.resetAndDestroy();
    else response.socket?.end();
    return;
  }
  response.end();
}
