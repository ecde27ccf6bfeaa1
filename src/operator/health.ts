/** What an orchestrator and Prometheus ask the operator over HTTP: `/healthz`, `/readyz`, `/metrics`. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { defaultReflectorLimits, type Controller, type Informer, type KubeObject } from '../kube/index.ts';

/** A watch that is silent is opened again by then, and that is heard or fails. Milliseconds. */
const longestSilenceMs = 2 * defaultReflectorLimits.idleMs;

/**
 * What keeps the operator from knowing the cluster as it is, in words; empty when all is well.
 *
 * @param now of the clock that the informers have
 */
export function whyNotReady(
  informers: readonly Pick<Informer<KubeObject>, 'resource' | 'hasSynced' | 'lastError' | 'lastContact'>[],
  now: number,
): readonly string[] {
  return informers.flatMap((informer) => {
    const what = `${informer.resource.plural}: `;
    const error = informer.lastError();
    if (error) return `${what}${error.message}`;
    if (!informer.hasSynced()) return `${what}not in step with the API server yet`;
    const silentMs = now - (informer.lastContact() ?? now);
    return silentMs > longestSilenceMs
      ? `${what}nothing was heard of the API server for ${Math.round(silentMs / 1000)} s`
      : [];
  });
}

/** What only a restart of the process heals, in words; empty when there is nothing. */
export function whyUnhealthy(controllers: readonly Pick<Controller, 'name' | 'stuck'>[]): readonly string[] {
  return controllers.flatMap(({ name, stuck }) =>
    stuck().map((key) => `${name}: the work on ${key} takes too long, and does not end when it is told to`),
  );
}

export type HealthServer = { readonly port: number; close(): Promise<void> };

export async function startHealthServer(options: {
  readonly host: string;
  readonly port: number;
  readonly unhealthy: () => readonly string[];
  readonly notReady: () => readonly string[];
  readonly metrics: () => Promise<string>;
}): Promise<HealthServer> {
  const server: Server = createServer((request, response) => {
    const answer = (status: number, body: string): void => {
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(body);
    };
    const answerReasons = (reasons: readonly string[]): void =>
      reasons.length === 0 ? answer(200, 'ok\n') : answer(503, `${reasons.join('\n')}\n`);
    switch (request.url?.split('?')[0]) {
      case '/healthz':
        return answerReasons(options.unhealthy());
      case '/readyz':
        return answerReasons(options.notReady());
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
