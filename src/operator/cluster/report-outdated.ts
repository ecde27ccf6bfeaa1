/** Reports in the status of the ClusterConfig that the CRDs have a later version than the operator. */
import { clusterConfigs, fieldManager, type ClusterConfig } from '../../api/index.ts';
import { outdatedStatus } from '../../identity/index.ts';
import { isConflict, isNotFound, type KubeClient } from '../../kube/index.ts';

export async function reportOutdated(
  client: Pick<KubeClient, 'apply'>,
  config: ClusterConfig,
  of: Parameters<typeof outdatedStatus>[1] & { readonly signal: AbortSignal },
): Promise<void> {
  const { name, uid } = config.metadata;
  const object = {
    apiVersion: config.apiVersion,
    kind: config.kind,
    metadata: { name, ...(uid === undefined ? {} : { uid }) },
    status: outdatedStatus(config, of),
  } as ClusterConfig;
  try {
    await client.apply(clusterConfigs, object, {
      fieldManager,
      force: true,
      subresource: 'status',
      signal: of.signal,
    });
  } catch (error) {
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}
