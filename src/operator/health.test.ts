import { afterEach, describe, expect, it } from 'vitest';
import { resources } from '../kube/index.ts';
import {
  startHealthServer,
  failedReadinessChecks,
  failedVersionCheck,
  failedLivenessChecks,
  type FailedCheck,
  type HealthServer,
} from './health.ts';
import { createLogger } from './logger.ts';
import type { Monotonic } from '../k8s/time.ts';

let server: HealthServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

const informer = (
  state: { readonly synced?: boolean; readonly error?: string; readonly contact?: number } = {},
) => ({
  resource: resources.pods,
  hasSynced: () => state.synced ?? true,
  lastError: () => (state.error === undefined ? undefined : new Error(state.error)),
  lastContact: () => state.contact ?? 1_000_000,
});

describe('an operator', () => {
  it('is ready when all informers have synced and the API server responds', () => {
    expect(
      failedReadinessChecks([informer(), informer({ contact: 1_000_000 - 299_000 })], 1_000_000 as Monotonic),
    ).toEqual([]);
  });

  it('is not ready while an informer has not synced, while its watch fails, or while the API server does not respond', () => {
    expect(
      failedReadinessChecks(
        [
          informer(),
          informer({ synced: false }),
          informer({ error: 'the API server cannot be reached' }),
          informer({ contact: 1_000_000 - 301_000 }),
        ],
        1_000_000 as Monotonic,
      ),
    ).toEqual([
      { name: 'pods', detail: 'not in sync with the API server yet' },
      { name: 'pods', detail: 'the API server cannot be reached' },
      { name: 'pods', detail: 'no response from the API server for 301 s' },
    ]);
  });

  it('is not ready while the CRDs are of a later version than the operator', () => {
    expect(failedVersionCheck(0, 1)).toEqual([]);
    expect(failedVersionCheck(1, 1)).toEqual([]);
    expect(failedVersionCheck(2, 1)).toMatchObject([{ name: 'schema-version' }]);
  });

  it('is unhealthy only while a reconcile that was aborted does not end', () => {
    const controller = (...stuck: readonly string[]) => ({ name: 'accounts', stuck: () => stuck });
    expect(failedLivenessChecks([controller()])).toEqual([]);
    expect(failedLivenessChecks([controller(), controller('a', 'b')])).toEqual([
      { name: 'accounts', detail: 'reconciles take too long and do not end when aborted: a, b' },
    ]);
  });
});

describe('the HTTP endpoints', () => {
  const serve = async (
    unhealthy: readonly FailedCheck[],
    notReady: readonly FailedCheck[],
    metrics: () => Promise<string> = async () => 'figures\n',
  ) => {
    const lines: string[] = [];
    server = await startHealthServer({
      host: '127.0.0.1',
      port: 0,
      logger: createLogger({ level: 'info', write: (line) => lines.push(line) }),
      unhealthy: () => unhealthy,
      notReady: () => notReady,
      metrics,
    });
    const { port } = server;
    const get = async (path: string) => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`);
      return [answer.status, await answer.text()];
    };
    return { get, lines };
  };

  it('return success when no check fails', async () => {
    const { get, lines } = await serve([], []);
    expect(await get('/healthz')).toEqual([200, 'ok\n']);
    expect(await get('/readyz?verbose')).toEqual([200, 'ok\n']);
    expect(await get('/metrics')).toEqual([200, 'figures\n']);
    expect(await get('/')).toEqual([404, 'not found\n']);
    expect(lines).toEqual([]);
  });

  it('return the names of the failed checks, and log the details of the failures once', async () => {
    const secret = 'GET https://10.0.0.1 payments: token sesame';
    const { get, lines } = await serve(
      [{ name: 'accounts', detail: secret }],
      [
        { name: 'pods', detail: secret },
        { name: 'apps', detail: secret },
      ],
    );
    expect(await get('/healthz')).toEqual([503, '[-]accounts failed: see the log\n']);
    for (let time = 0; time < 3; time += 1)
      expect(await get('/readyz')).toEqual([
        503,
        '[-]pods failed: see the log\n[-]apps failed: see the log\n',
      ]);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain(secret);
  });

  it('log why the metrics could not be collected, and keep this reason out of the response', async () => {
    const { get, lines } = await serve([], [], () => Promise.reject(new Error('secret')));
    expect(await get('/metrics')).toEqual([500, 'metrics cannot be collected: see the log\n']);
    expect(lines.join('')).toContain('secret');
  });
});
