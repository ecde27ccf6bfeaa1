/** Connects to the cluster on the first request of a command. */
import type { KubeClient } from '../../kube/index.ts';
import type { CliContext, ClusterSelection, Host } from '../framework/context.ts';

export type Session = Pick<CliContext, 'connection' | 'connect'> & { readonly close: () => Promise<void> };

/** @param log receives a line per request */
export function createSession(
  env: Host['env'],
  choice: ClusterSelection,
  log?: (line: string) => void,
): Session {
  const clients: KubeClient[] = [];
  const connection = once(async () => {
    const { connectionTo } = await import('./connect.ts');
    return connectionTo(env, choice);
  });
  return {
    connection,
    connect: once(async () => {
      const { clientOf } = await import('./connect.ts');
      const client = clientOf(await connection(), log);
      clients.push(client);
      if (choice.dryRun !== 'client') return client;
      const { withoutWrites } = await import('./local-client.ts');
      return withoutWrites(client);
    }),
    close: async () => {
      await Promise.allSettled(clients.map((client) => client.close()));
    },
  };
}

/** Runs `make` at the first call, and returns the same result to all calls. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
