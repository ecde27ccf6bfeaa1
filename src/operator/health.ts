/** What an orchestrator and Prometheus ask the operator over HTTP: `/healthz`, `/readyz`, `/metrics`. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export type HealthServer = { readonly port: number; close(): Promise<void> };

export async function startHealthServer(options: {
  readonly host: string;
  readonly port: number;
  /** What keeps the operator from working now, in words; empty when all is well. */
  readonly notReady: () => readonly string[];
  readonly metrics: () => Promise<string>;
}): Promise<HealthServer> {
  const server: Server = createServer((request, response) => {
    const answer = (status: number, body: string): void => {
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(body);
    };
    switch (request.url?.split('?')[0]) {
      case '/healthz':
        return answer(200, 'ok\n');
      case '/readyz': {
        const reasons = options.notReady();
        return reasons.length === 0 ? answer(200, 'ok\n') : answer(503, `${reasons.join('\n')}\n`);
      }
      case '/metrics':
        options.metrics().then(
          (text) => answer(200, text),
          (error: unknown) => answer(500, `${String(error)}\n`),
        );
        return;
      default:
        return answer(404, 'not found\n');
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
