/** EKS actions, in the order in which they are matched against a request. */
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
