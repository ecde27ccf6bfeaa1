/** Reads the targets of a cluster from its ClusterConfig. */
import type { ClusterConfig } from '../../api/cluster-config.ts';
import { effectiveConfig } from '../../identity/plan/cluster-state.ts';
import type { KubeClient } from '../../kube/index.ts';
import { CliError } from '../framework/errors.ts';
import { clusterConfigKind } from './kinds.ts';
import { listObjects } from './objects.ts';

/** @throws CliError of code NOT_FOUND when the cluster has no ClusterConfig */
export async function getClusterConfig(client: KubeClient): Promise<ClusterConfig> {
  const config = effectiveConfig(await listObjects(client, clusterConfigKind));
  if (config) return config;
  throw new CliError('NOT_FOUND', 'this cluster has no ClusterConfig, so its targets are unknown', {
    next: [
      'Create a ClusterConfig with spec.targets and spec.aws.region: kon apply -f FILE',
      'List the fields of a ClusterConfig: kubectl explain clusterconfig.spec',
    ],
  });
}

export function targetNotFound({ metadata }: ClusterConfig, name: string): CliError {
  return new CliError('NOT_FOUND', `ClusterConfig ${metadata.name} has no target "${name}"`, {
    next: ['List targets: kon target list'],
  });
}

/** Returns the targets for use in hints; empty if they cannot be read. */
export async function knownTargets(client: KubeClient): Promise<readonly string[]> {
  try {
    return (await getClusterConfig(client)).spec.targets;
  } catch {
    return [];
  }
}
