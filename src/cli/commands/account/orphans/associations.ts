/** Finds Pod Identity associations whose account was deleted. */
import { isOfIssuer, taggedOwner } from '../../../../identity/desired/ownership.ts';
import {
  IdentityError,
  type AssociationStore,
  type LeftoverRole,
  type ObservedAssociation,
  type OwningCluster,
} from '../../../../identity/index.ts';

/**
 * Deletes the associations of a role before the role, so that EKS does not refer to a deleted role.
 * @returns the number of deleted associations; 0 on a cluster outside EKS, or without permission to list associations
 */
export async function removeAssociationsOf(
  { account, arn }: Pick<LeftoverRole, 'account' | 'arn'>,
  cluster: OwningCluster,
  store: AssociationStore,
  signal: AbortSignal,
): Promise<number> {
  let removed = 0;
  for (const listed of await listedOrNone(store, signal)) {
    if (listed.serviceAccount !== account) continue;
    const found = await store.read(listed, signal, listed.id);
    const marks = found?.details && taggedOwner(found.details.tags);
    if (!found?.details || marks?.clusterArn !== cluster.clusterArn || marks.account !== account) continue;
    // Associations that an earlier version created have no issuer tag, so their role is compared instead.
    if (!isOfIssuer(found.details, cluster) && found.details.roleArn !== arn) continue;
    await store.delete(found.id, signal);
    removed += 1;
  }
  return removed;
}

async function listedOrNone(
  store: AssociationStore,
  signal: AbortSignal,
): Promise<readonly ObservedAssociation[]> {
  try {
    return (await store.list(signal)).associations;
  } catch (error) {
    const isBeside =
      error instanceof IdentityError && (error.code === 'ClusterUnknown' || error.code === 'AccessDenied');
    if (isBeside) return [];
    throw error;
  }
}
