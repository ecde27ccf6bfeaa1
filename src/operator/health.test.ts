import { afterEach, describe, expect, it } from 'vitest';
import { resources } from '../kube/index.ts';
import { startHealthServer, whyNotReady, whyUnhealthy, type HealthServer } from './health.ts';

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
  it('is ready when it has everything and hears of the API server', () => {
    expect(whyNotReady([informer(), informer({ contact: 1_000_000 - 299_000 })], 1_000_000)).toEqual([]);
  });

  it('is not while it lacks something, cannot follow something, or hears nothing', () => {
    expect(
      whyNotReady(
        [
          informer(),
          informer({ synced: false }),
          informer({ error: 'the API server cannot be reached' }),
          informer({ contact: 1_000_000 - 301_000 }),
        ],
        1_000_000,
      ),
    ).toEqual([
      'pods: not in step with the API server yet',
      'pods: the API server cannot be reached',
      'pods: nothing was heard of the API server for 301 s',
    ]);
  });

  it('is unhealthy by the work that does not end, and by nothing else', () => {
    const controller = (...stuck: readonly string[]) => ({ name: 'accounts', stuck: () => stuck });
    expect(whyUnhealthy([controller()])).toEqual([]);
    expect(whyUnhealthy([controller(), controller('a', 'b')])).toEqual([
      'accounts: the work on a takes too long, and does not end when it is told to',
      'accounts: the work on b takes too long, and does not end when it is told to',
    ]);
  });
});

describe('over HTTP', () => {
  const serve = async (unhealthy: readonly string[], notReady: readonly string[]) => {
    server = await startHealthServer({
      host: '127.0.0.1',
      port: 0,
      unhealthy: () => unhealthy,
      notReady: () => notReady,
      metrics: async () => 'figures\n',
    });
    const { port } = server;
    return async (path: string) => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`);
      return [answer.status, await answer.text()];
    };
  };

  it('all is well', async () => {
    const get = await serve([], []);
    expect(await get('/healthz')).toEqual([200, 'ok\n']);
    expect(await get('/readyz?verbose')).toEqual([200, 'ok\n']);
    expect(await get('/metrics')).toEqual([200, 'figures\n']);
    expect(await get('/')).toEqual([404, 'not found\n']);
  });

  it('each is red by its own reasons, a line each', async () => {
    const get = await serve(['stuck'], ['one', 'two']);
    expect(await get('/healthz')).toEqual([503, 'stuck\n']);
    expect(await get('/readyz')).toEqual([503, 'one\ntwo\n']);
  });
});
