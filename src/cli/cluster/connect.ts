/**
 * Gathers the parts of the controller runtime that a connection to the cluster needs, so that they load as one module.
 * Imports single files, because the index would add informers, leases and queues to the bundle.
 */
import { createKubeClient } from '../../kube/client.ts';
import type { Connection, KubeClient } from '../../kube/index.ts';
import { loadConnection } from '../../kube/kubeconfig.ts';
import type { GlobalOptions, Host } from '../framework/context.ts';

/** @throws KubeConfigError */
export function connectionTo(
  env: Host['env'],
  { context, kubeconfig }: Pick<GlobalOptions, 'context' | 'kubeconfig'>,
): Promise<Connection> {
  return loadConnection({ context, kubeconfig, env });
}

export function clientOf(connection: Connection): KubeClient {
  return createKubeClient(connection);
}
