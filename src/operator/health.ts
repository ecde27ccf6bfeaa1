/** HTTP endpoints for an orchestrator and Prometheus: `/healthz`, `/readyz`, `/metrics`. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { outdatedMessage } from '../identity/index.ts';
import {
  defaultReflectorLimits,
  type Controller,
  type Informer,
  type KubeObject,
  type Logger,
} from '../kube/index.ts';
import type { Monotonic } from '../k8s/time.ts';

/**
 * Maximum time in milliseconds without a response from the API server. A silent watch is reopened earlier, which gives
 * a response or an error. Therefore a longer silence means that the API server does not respond.
 */
const longestSilenceMs = 2 * defaultReflectorLimits.idleMs;

/**
 * Failed health check. The HTTP response contains only the name of the check. The detail is only logged, since it may
 * name objects and addresses.
 */
export type FailedCheck = { readonly name: string; readonly detail: string };

/**
 * Returns the failed checks of `/readyz`. Each check has the plural name of a resource whose informer is not in sync.
 */
export function failedReadinessChecks(
  informers: readonly Pick<Informer<KubeObject>, 'resource' | 'hasSynced' | 'lastError' | 'lastContact'>[],
  now: Monotonic,
): readonly FailedCheck[] {
  return informers.flatMap((informer) => {
    const name = informer.resource.plural;
    const error = informer.lastError();
    if (error) return { name, detail: error.message };
    if (!informer.hasSynced()) return { name, detail: 'not in sync with the API server yet' };
    const silentMs = now - (informer.lastContact() ?? now);
    return silentMs > longestSilenceMs
      ? { name, detail: `no response from the API server for ${Math.round(silentMs / 1000)} s` }
      : [];
  });
}

/** Returns the failed check of `/readyz` if the CRDs are of a later version than the operator. */
export function failedVersionCheck(installed: number, own: number): readonly FailedCheck[] {
  return installed > own ? [{ name: 'schema-version', detail: outdatedMessage(installed, own) }] : [];
}

/**
 * Returns the failed checks of `/healthz`: each names a controller with a reconcile that only a restart of the process
 * can end.
 */
export function failedLivenessChecks(
  controllers: readonly Pick<Controller, 'name' | 'stuck'>[],
): readonly FailedCheck[] {
  return controllers.flatMap(({ name, stuck }) => {
    const keys = stuck();
    return keys.length === 0
      ? []
      : { name, detail: `reconciles take too long and do not end when aborted: ${keys.join(', ')}` };
  });
}

export type HealthServer = { readonly port: number; close(): Promise<void> };

export async function startHealthServer(options: {
  readonly host: string;
  readonly port: number;
  readonly logger: Logger;
  readonly unhealthy: () => readonly FailedCheck[];
  readonly notReady: () => readonly FailedCheck[];
  readonly metrics: () => Promise<string>;
}): Promise<HealthServer> {
  const { logger } = options;
  /** Names of the checks that failed at the last request, by path. The details are logged when these names change. */
  const logged = new Map<string, string>();
  const server: Server = createServer((request, response) => {
    const answer = (status: number, body: string): void => {
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(body);
    };
    const answerChecks = (path: string, failed: readonly FailedCheck[]): void => {
      const names = failed.map(({ name }) => name).join(' ');
      if (names !== (logged.get(path) ?? '') && names !== '')
        logger.warn('health checks fail', { path, checks: Object.fromEntries(failed.map(asEntry)) });
      logged.set(path, names);
      if (failed.length === 0) answer(200, 'ok\n');
      else answer(503, failed.map(({ name }) => `[-]${name} failed: see the log\n`).join(''));
    };
    const path = request.url?.split('?')[0];
    switch (path) {
      case '/healthz':
        return answerChecks(path, options.unhealthy());
      case '/readyz':
        return answerChecks(path, options.notReady());
      case '/metrics':
        options.metrics().then(
          (text) => answer(200, text),
          (error: unknown) => {
            logger.error('metrics cannot be collected', { error });
            answer(500, 'metrics cannot be collected: see the log\n');
          },
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

const asEntry = ({ name, detail }: FailedCheck): [string, string] => [name, detail];
