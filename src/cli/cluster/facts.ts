/** Reads facts about the cluster, such as names and locations of roles, from the ClusterConfig and its status. */
import { clusterState, effectiveConfig } from '../../identity/plan/cluster-state.ts';
import type { ClusterFacts } from '../../identity/state/world.ts';
import type { KubeClient } from '../../kube/index.ts';
import { CliError } from '../framework/errors.ts';
import { clusterConfigKind } from './kinds.ts';
import { listObjects } from './objects.ts';

export type KnownCluster = { readonly facts: ClusterFacts; readonly region: string };

/** Returns undefined if the cluster has no ready ClusterConfig. */
export async function findClusterFacts(client: KubeClient): Promise<KnownCluster | undefined> {
  const configs = await listObjects(client, clusterConfigKind);
  const state = clusterState(configs);
  const region = effectiveConfig(configs)?.spec.aws.region;
  return state.ok && region !== undefined ? { facts: state.facts, region } : undefined;
}

/** @throws CliError of code CLUSTER_NOT_READY */
export async function getClusterFacts(client: KubeClient): Promise<KnownCluster> {
  const configs = await listObjects(client, clusterConfigKind);
  const state = clusterState(configs);
  const region = effectiveConfig(configs)?.spec.aws.region;
  if (state.ok && region !== undefined) return { facts: state.facts, region };
  throw new CliError('CLUSTER_NOT_READY', state.ok ? 'the cluster has no ClusterConfig' : state.message, {
    next: ['Find the problem: kon doctor', 'Show the ClusterConfig: kubectl get clusterconfigs -o yaml'],
  });
}
