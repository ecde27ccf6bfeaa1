/** Writes the status of a ClusterConfig, and records an Event when the cluster's OIDC provider becomes unusable. */
import { clusterConfigs, type ClusterConfig, type ClusterConfigStatus } from '../../api/index.ts';
import { providerCondition } from '../../identity/index.ts';
import { findCondition, isConditionTrue } from '../../k8s/conditions.ts';
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
