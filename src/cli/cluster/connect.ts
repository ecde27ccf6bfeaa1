/**
 * All of the controller runtime that reaching the cluster takes, in one place, so that it is loaded as one. By its own
 * files: over its index the bundle would bring informers, leases and queues along.
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
