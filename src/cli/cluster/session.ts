/** The way to the cluster, gone only when a command asks for it. */
import type { Connection, KubeClient } from '../../kube/index.ts';
import type { GlobalOptions, Host } from '../context.ts';

export type Session = {
  /** Where the cluster is and who asks. @throws KubeConfigError */
  readonly connection: () => Promise<Connection>;
  /** The client, made once. @throws KubeConfigError */
  readonly connect: () => Promise<KubeClient>;
  readonly close: () => Promise<void>;
};

export function createSession(
  env: Host['env'],
  choice: Pick<GlobalOptions, 'context' | 'kubeconfig'>,
): Session {
  const clients: KubeClient[] = [];
  const connection = once(async () => {
    const { loadConnection } = await import('../../kube/index.ts');
    return loadConnection({ ...choice, env });
  });
  return {
    connection,
    connect: once(async () => {
      const { createKubeClient } = await import('../../kube/index.ts');
      const client = createKubeClient(await connection());
      clients.push(client);
      return client;
    }),
    close: async () => {
      await Promise.allSettled(clients.map((client) => client.close()));
    },
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
