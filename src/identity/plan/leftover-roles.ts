/** Leftover roles: IAM roles of a cluster that have no account any more. They are orphaned or deliberately retained. */
import {
  isAdopted,
  isOfIssuer,
  issuersOf,
  taggedOwner,
  retainedFrom,
  type Owned,
  type OwningCluster,
} from '../desired/ownership.ts';
import { describePrincipal, principalsOf } from '../desired/trust-principals.ts';
import type { ObservedRole } from '../state/world.ts';

/**
 * `orphan`: the role has this cluster's ownership tags, but its account does not exist, because the account's finalizer was
 * stripped.
 * `retained`: the role was kept by `deletionPolicy: Retain`, and no account has adopted it since.
 */
export type LeftoverKind = 'orphan' | 'retained';

export type LeftoverRole = {
  readonly kind: LeftoverKind;
  readonly name: string;
  readonly arn: string;
  /** Account that the role was created for. */
  readonly account: string;
  readonly attachedPolicyArns: readonly string[];
  readonly inlinePolicyNames: readonly string[];
  /**
   * Principals that the trust policy admits. A ServiceAccount is written as `production/payments`, any other principal as in the
   * trust policy.
   */
  readonly letsIn: readonly string[];
  /** Whether the role was adopted. An adopted role existed before Konstellation, so a cleanup removes only the ownership tags. */
  readonly adopted: boolean;
};

/** @param accounts the accounts that exist on the cluster now */
export function leftoverRoles(
  roles: readonly ObservedRole[],
  cluster: OwningCluster,
  accounts: ReadonlySet<string>,
): readonly LeftoverRole[] {
  return roles.flatMap((role) => {
    const found = kindOf(role, cluster, accounts);
    if (!found) return [];
    const { name, arn, attachedPolicyArns, inlinePolicyNames } = role;
    const letsIn = principalsOf(role.trustPolicy).map((each) => describePrincipal(each, cluster.providerArn));
    const adopted = isAdopted(role.tags);
    return [{ ...found, name, arn, attachedPolicyArns, inlinePolicyNames, letsIn, adopted }];
  });
}

/** Roles of clusters with the same name but another token issuer, as `NAME (ISSUER)`. They are not leftovers of this cluster. */
export function rolesOfOtherIssuers(
  roles: readonly ObservedRole[],
  cluster: OwningCluster,
): readonly string[] {
  return roles.flatMap((role) =>
    taggedOwner(role.tags)?.clusterArn === cluster.clusterArn && !isOfIssuer(role, cluster)
      ? [`${role.name} (${issuersOf(role).join(', ')})`]
      : [],
  );
}

function kindOf(
  role: Owned,
  cluster: OwningCluster,
  accounts: ReadonlySet<string>,
): Pick<LeftoverRole, 'kind' | 'account'> | undefined {
  const { tags } = role;
  const { clusterArn } = cluster;
  // A role of another issuer may belong to a live cluster of the same name.
  if (!isOfIssuer(role, cluster)) return undefined;
  const retained = retainedFrom(tags, clusterArn);
  if (retained) return { kind: 'retained', ...retained };
  const owner = taggedOwner(tags);
  if (owner?.clusterArn !== clusterArn || accounts.has(owner.account)) return undefined;
  return { kind: 'orphan', account: owner.account };
}

/** Number of leftover roles of each kind, for the metrics. */
export function countLeftovers(
  roles: readonly Required<Owned>[],
  cluster: OwningCluster,
  accounts: ReadonlySet<string>,
): Readonly<Record<LeftoverKind, number>> {
  const kinds = roles.flatMap((role) => kindOf(role, cluster, accounts)?.kind ?? []);
  const count = (kind: LeftoverKind): number => kinds.filter((each) => each === kind).length;
  return { orphan: count('orphan'), retained: count('retained') };
}
