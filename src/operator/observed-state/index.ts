/**
 * Observed state: IAM roles and Pod Identity associations, each with the source of the information; the accounts and
 * their ServiceAccounts, updated by this process's latest writes; and the nodes that were read.
 */
import type { LinkedServiceAccount } from '../../api/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import type { OperatorContext } from '../context.ts';
import { createAssociationCache, type AssociationCache } from './associations.ts';
import { createNodeCache, type NodeCache } from './nodes.ts';
import { createRoleCache, type RoleCache } from './roles.ts';
import { createWriteThroughCache, type WriteThroughCache } from './write-through-cache.ts';

export type ObservedState = {
  readonly roles: RoleCache;
  readonly associations: AssociationCache;
  readonly accounts: WriteThroughCache<LinkedServiceAccount>;
  readonly serviceAccounts: WriteThroughCache<KubeObject>;
  readonly nodes: NodeCache;
};

export function createObservedState({
  informers,
  monotonic,
}: Pick<OperatorContext, 'informers' | 'monotonic'>): ObservedState {
  return {
    roles: createRoleCache(monotonic),
    associations: createAssociationCache(monotonic),
    accounts: createWriteThroughCache(informers.accounts, monotonic),
    serviceAccounts: createWriteThroughCache<KubeObject>(informers.serviceAccounts, monotonic),
    nodes: createNodeCache(informers),
  };
}
