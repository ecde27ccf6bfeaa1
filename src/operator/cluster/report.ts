/** Writes the status of a ClusterConfig, and records an Event when the cluster's OIDC provider becomes unusable. */
import {
  clusterConfigs,
  fieldManager,
  type ClusterConfig,
  type ClusterConfigStatus,
} from '../../api/index.ts';
import { outdatedStatus, providerCondition } from '../../identity/index.ts';
import { findCondition, isConditionTrue } from '../../k8s/conditions.ts';
import { isConflict, isNotFound, type KubeClient } from '../../kube/index.ts';
import type { OperatorContext } from '../context.ts';
import type { WriteThroughCache } from '../observed-state/write-through-cache.ts';
import { reportStatus } from '../report-status.ts';

export async function report(
  config: ClusterConfig,
  status: ClusterConfigStatus,
  { client, logger, recorder }: OperatorContext,
  cache: WriteThroughCache<ClusterConfig>,
  signal: AbortSignal,
): Promise<void> {
  if (!(await reportStatus(clusterConfigs, config, status, { client, cache, signal }))) return;
  logger.info('cluster status changed', {
    cluster: config.metadata.name,
    ready: isConditionTrue(status.conditions, 'Ready'),
    message: status.conditions?.[0]?.message,
  });
  const before = findCondition(config.status?.conditions, providerCondition);
  const after = findCondition(status.conditions, providerCondition);
  if (after?.status === 'False' && after.reason !== before?.reason)
    recorder.event(config, { type: 'Warning', reason: after.reason, note: after.message });
}

/** Reports in the status of the ClusterConfig that the CRDs have a later version than the operator. */
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
