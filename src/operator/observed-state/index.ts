/**
 * Observed state: IAM roles and Pod Identity associations, each with the source of the information; the accounts and
 * their ServiceAccounts, updated by this process's latest writes; and the nodes that were read.
 */
import type { LinkedServiceAccount } from '../../api/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import type { OperatorContext } from '../context.ts';
import { createAssociationCache } from './associations.ts';
import { createNodeCache } from './nodes.ts';
import { createRoleCache } from './roles.ts';
import { createWriteThroughCache } from './write-through-cache.ts';

export type ObservedState = ReturnType<typeof createObservedState>;

export function createObservedState({
  informers,
  monotonic,
}: Pick<OperatorContext, 'informers' | 'monotonic'>) {
  return {
    roles: createRoleCache(monotonic),
    associations: createAssociationCache(monotonic),
    accounts: createWriteThroughCache<LinkedServiceAccount>(informers.accounts, monotonic),
    serviceAccounts: createWriteThroughCache<KubeObject>(informers.serviceAccounts, monotonic),
    nodes: createNodeCache(informers),
  };
}
