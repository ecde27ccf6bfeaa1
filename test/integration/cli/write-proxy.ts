/**
 * Proxy in front of the API server or AWS. It reports each write after the server has responded and before the client
 * gets the response, so that a test can kill the client at this point.
 */
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export type WriteProxy = { readonly url: string; stop(): void };

/**
 * Called after a write has taken effect.
 *
 * @param write the method and resource of a Kubernetes request, or the AWS action
 * @returns whether the client gets the response
 */
export type OnWrite = (write: string) => boolean;

export async function startWriteProxy(of: {
  readonly server: string;
  /**
   * For a server with TLS: the proxy's own server certificate, and the client certificate that the proxy presents to
   * the server.
   */
  readonly tls?: {
    readonly own: { readonly cert: string; readonly key: string };
    readonly client: { readonly ca: string; readonly cert: string; readonly key: string };
  };
  /** Returns the name of the write; undefined for a read. */
  readonly writeOf: (request: IncomingMessage, body: string) => string | undefined;
  readonly onWrite: OnWrite;
}): Promise<WriteProxy> {
  const { tls } = of;
  const pass = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(request);
    const write = of.writeOf(request, body.toString());
    const { method, headers, url = '/' } = request;
    const options = { method, headers, agent: false };
    const target = new URL(url, of.server);
    const forwarded = tls
      ? httpsRequest(target, { ...options, ...tls.client })
      : httpRequest(target, options);
    forwarded.on('error', () => request.socket.destroy());
    // Only a read ends together with its client: a write takes effect even if its client has been killed.
    if (write === undefined) response.on('close', () => forwarded.destroy());
    forwarded.on('response', (answer) => void relay(answer, response, write));
    forwarded.end(body);
  };
  const relay = async (
    answer: IncomingMessage,
    response: ServerResponse,
    write: string | undefined,
  ): Promise<void> => {
    answer.on('error', () => response.destroy());
    const { statusCode = 502, headers } = answer;
    if (write === undefined) {
      // The headers are flushed immediately, because the API server sends the headers of a watch before the first
      // event.
      response.writeHead(statusCode, headers).flushHeaders();
      answer.pipe(response);
      return;
    }
    const body = await buffer(answer);
    if (statusCode < 300 && !of.onWrite(write)) response.destroy();
    else response.writeHead(statusCode, headers).end(body);
  };
  const handle = (request: IncomingMessage, response: ServerResponse): void =>
    void pass(request, response).catch(() => request.socket.destroy());
  const server = tls ? createTlsServer(tls.own, handle) : createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}
