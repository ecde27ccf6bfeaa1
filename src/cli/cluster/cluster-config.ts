/**
 * Reads the targets of a cluster from its ClusterConfig, and facts such as the AWS account and the path of the roles.
 */
import type { ClusterConfig } from '../../api/cluster-config.ts';
import { clusterState, effectiveConfig } from '../../identity/plan/cluster-state.ts';
import type { ClusterFacts } from '../../identity/state/world.ts';
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

export type KnownCluster = { readonly facts: ClusterFacts; readonly region: string };

/** @throws CliError of code CLUSTER_NOT_READY */
export async function getClusterFacts(client: KubeClient): Promise<KnownCluster> {
  const read = await readClusterFacts(client);
  if (read.ok) return read.cluster;
  throw new CliError('CLUSTER_NOT_READY', read.problem, {
    next: ['Find the problem: kon doctor', 'Show the ClusterConfig: kubectl get clusterconfigs -o yaml'],
  });
}

/** Returns undefined if the cluster has no ready ClusterConfig. */
export async function findClusterFacts(client: KubeClient): Promise<KnownCluster | undefined> {
  const read = await readClusterFacts(client);
  return read.ok ? read.cluster : undefined;
}

type ReadCluster =
  | { readonly ok: true; readonly cluster: KnownCluster }
  | { readonly ok: false; readonly problem: string };

async function readClusterFacts(client: KubeClient): Promise<ReadCluster> {
  const configs = await listObjects(client, clusterConfigKind);
  const state = clusterState(configs);
  const region = effectiveConfig(configs)?.spec.aws.region;
  if (!state.ok) return { ok: false, problem: state.message };
  return region === undefined
    ? { ok: false, problem: 'the cluster has no ClusterConfig' }
    : { ok: true, cluster: { facts: state.facts, region } };
}
