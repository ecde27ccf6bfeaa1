/**
 * Kept-alive connections by Node's own HTTP, for processes that end after some requests. undici takes some 60 ms of
 * processor time to load, which is as long as the whole of `kubectl get` takes. Only without a proxy.
 */
import {
  Agent as HttpAgent,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { OpenConnections, TransportResponse } from './transport.ts';

export const openLightConnections: OpenConnections = (tls, _proxyUrl, { connectMs, idleMs }) => {
  // An explicit `ca` replaces the system's and NODE_EXTRA_CA_CERTS' authorities, so these cannot do harm.
  const common = { keepAlive: true, keepAliveMsecs: 30_000, timeout: idleMs };
  const agents = { http: new HttpAgent(common), https: new HttpsAgent({ ...common, ...tls }) };
  return {
    request({ origin, path, method, headers, body, signal }) {
      const url = new URL(origin);
      const secure = url.protocol === 'https:';
      const options = {
        host: url.hostname.replace(/^\[|\]$/g, ''),
        port: Number(url.port) || (secure ? 443 : 80),
        path,
        method,
        // Node tells the length of a body only where it expects one, which it does not with DELETE.
        headers: body === undefined ? headers : { ...headers, 'content-length': Buffer.byteLength(body) },
        signal,
      };
      return new Promise((resolve, reject) => {
        const request = secure
          ? httpsRequest({ ...options, agent: agents.https })
          : httpRequest({ ...options, agent: agents.http });
        request.once('response', (message) => resolve(responseOf(message)));
        // Later errors come up where the body is read; here they would end the process.
        request.on('error', reject);
        giveUpConnecting(request, secure, connectMs);
        request.end(body);
      });
    },
    async close() {
      for (const agent of Object.values(agents)) {
        agent.maxFreeSockets = 0;
        for (const free of Object.values(agent.freeSockets)) free?.forEach((socket) => socket.destroy());
      }
    },
    async destroy() {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
};

class ConnectTimeoutError extends Error {
  readonly code = 'ETIMEDOUT';
}

function giveUpConnecting(request: ClientRequest, secure: boolean, connectMs: number): void {
  request.once('socket', (socket: Socket) => {
    if (!socket.connecting) return;
    const timer = setTimeout(() => {
      request.destroy(new ConnectTimeoutError(`no connection within ${connectMs} ms`));
    }, connectMs);
    const stop = (): void => clearTimeout(timer);
    socket.once(secure ? 'secureConnect' : 'connect', stop);
    socket.once('close', stop);
  });
}

function responseOf(message: IncomingMessage): TransportResponse {
  return {
    status: message.statusCode ?? 0,
    headers: message.headers as Record<string, string | string[]>,
    body: Object.assign(message, {
      async text() {
        let text = '';
        message.setEncoding('utf8');
        for await (const chunk of message) text += String(chunk);
        return text;
      },
      async dump() {
        message.resume();
      },
    }),
  };
}
