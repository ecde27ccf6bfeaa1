/** Actions of EKS, in matching order. */
import { associationActions } from './associations.ts';
import { describeCluster, listClusters } from './clusters.ts';
import type { EksAction } from './env.ts';
import { tagActions } from './tags.ts';

export const eksActions: readonly EksAction[] = [
  describeCluster,
  listClusters,
  ...associationActions,
  ...tagActions,
];
