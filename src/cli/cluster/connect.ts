/**
 * Gathers the parts of the controller runtime that a connection to the cluster needs, so that they load as one module.
 * Imports single files, because importing the index would add informers, leases and queues to the bundle.
 */
import { createKubeClient } from '../../kube/client.ts';
import type { Connection, KubeClient } from '../../kube/index.ts';
import { loadConnection } from '../../kube/kubeconfig.ts';
import type { ClusterSelection, Host } from '../framework/context.ts';

/** @throws KubeConfigError */
export async function connectionTo(
  env: Host['env'],
  { context, kubeconfig, as, asGroups = [] }: ClusterSelection,
): Promise<Connection> {
  const connection = await loadConnection({ context, kubeconfig, env });
  return as === undefined ? connection : impersonating(connection, as, asGroups);
}

/**
 * Replaces all impersonation settings of the kubeconfig, so that none of the kubeconfig's groups or extra fields
 * remain.
 */
function impersonating(connection: Connection, user: string, groups: readonly string[]): Connection {
  return {
    ...connection,
    credentials: async (options) => {
      const { headers, ...rest } = await connection.credentials(options);
      const own = Object.entries(headers).filter(([name]) => !/^impersonate-/i.test(name));
      const given = {
        'Impersonate-User': user,
        ...(groups.length > 0 ? { 'Impersonate-Group': groups } : {}),
      };
      return { ...rest, headers: { ...Object.fromEntries(own), ...given } };
    },
  };
}

/** @param log receives a line per request, without query, headers and bodies, which may contain secrets */
export function clientOf(connection: Connection, log?: (line: string) => void): KubeClient {
  return createKubeClient(connection, {
    onAttempt: ({ method, path, status = 'no answer', ms }) =>
      log?.(`${method} ${path} ${status} ${Math.round(ms)} ms`),
  });
}
