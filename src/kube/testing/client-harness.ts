/** Servers and clients that are closed at the end of each test. For tests only. */
import { afterEach } from 'vitest';
import { createKubeClient } from '../client.ts';
import { staticConnection } from '../connection.ts';
import type { KubeClient } from '../kube-client.ts';
import type { KubeObject } from '../object.ts';
import type { KubeClientOptions } from '../requester.ts';
import type { SetTimer } from '../timing.ts';
import { startLoopbackServer, type Handler, type LoopbackServer } from './loopback-server.ts';

export type ClientHarness = {
  /** Called after each test, the last function of the list first. */
  readonly closers: (() => Promise<void>)[];
  readonly serve: (handler: Handler) => Promise<LoopbackServer>;
  readonly clientOf: (server: { readonly url: string }, options?: KubeClientOptions) => KubeClient;
};

/** Creates the harness. Call this function once per test file. */
export function createClientHarness(): ClientHarness {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
  return {
    closers,
    async serve(handler) {
      const server = await startLoopbackServer(handler);
      closers.push(() => server.close());
      return server;
    },
    clientOf: (server, options) => {
      const connection = staticConnection({ server: server.url, token: 'secret-token' });
      const client = createKubeClient(connection, options);
      closers.push(() => client.close());
      return client;
    },
  };
}

/**
 * Timer for tests that fires at once and records the delays. A delay above 20 s is a request deadline, whose timer
 * never fires.
 */
export function instantTimer(waited: number[]): SetTimer {
  return (callback, delayMs) => {
    if (delayMs > 20_000) return () => {};
    waited.push(delayMs);
    const immediate = setImmediate(callback);
    return () => clearImmediate(immediate);
  };
}

export const configMap = (name: string): KubeObject & { data: Record<string, string> } => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data: {},
});
