/** IAM roles of a cluster that have no account: those that an account left behind, and those that one retained on purpose. */
import { isAdopted, markedFor, retainedFrom } from './ownership.ts';
import { describePrincipal, principalsOf } from './trust-principals.ts';
import type { ObservedRole } from './world.ts';

/**
 * `orphan`: has this cluster's ownership tags, and its account does not exist, because its finalizer was stripped.
 * `retained`: `deletionPolicy: Retain` kept it, and no account has adopted it since.
 */
export const leftoverKinds = ['orphan', 'retained'] as const;
export type LeftoverKind = (typeof leftoverKinds)[number];

export type LeftoverRole = {
  readonly kind: LeftoverKind;
  readonly name: string;
  readonly arn: string;
  /** The account that it was created for. */
  readonly account: string;
  readonly attachedPolicyArns: readonly string[];
  readonly inlinePolicyNames: readonly string[];
  /** Principals that its trust policy lets in: `production/payments`, or as the trust policy names them. */
  readonly letsIn: readonly string[];
  /** The role existed before Konstellation: cleaning up removes our tags, and the role stays. */
  readonly adopted: boolean;
};

/** @param accounts that exist on the cluster now */
export function leftoverRoles(
  roles: readonly ObservedRole[],
  { clusterArn, providerArn }: { readonly clusterArn: string; readonly providerArn?: string | undefined },
  accounts: ReadonlySet<string>,
): readonly LeftoverRole[] {
  return roles.flatMap((role) => {
    const found = kindOf(role.tags, clusterArn, accounts);
    if (!found) return [];
    return [
      {
        ...found,
        name: role.name,
        arn: role.arn,
        attachedPolicyArns: role.attachedPolicyArns,
        inlinePolicyNames: role.inlinePolicyNames,
        letsIn: principalsOf(role.trustPolicy).map((each) => describePrincipal(each, providerArn)),
        adopted: isAdopted(role.tags),
      },
    ];
  });
}

function kindOf(
  tags: ObservedRole['tags'],
  clusterArn: string,
  accounts: ReadonlySet<string>,
): Pick<LeftoverRole, 'kind' | 'account'> | undefined {
  const retained = retainedFrom(tags, clusterArn);
  if (retained) return { kind: 'retained', ...retained };
  const owner = markedFor(tags);
  if (owner?.clusterArn !== clusterArn || accounts.has(owner.account)) return undefined;
  return { kind: 'orphan', account: owner.account };
}

/** How many there are of each kind, for the metrics. */
export function countLeftovers(
  roles: readonly Pick<ObservedRole, 'tags'>[],
  clusterArn: string,
  accounts: ReadonlySet<string>,
): Readonly<Record<LeftoverKind, number>> {
  const kinds = roles.flatMap(({ tags }) => kindOf(tags, clusterArn, accounts)?.kind ?? []);
  const count = (kind: LeftoverKind): number => kinds.filter((each) => each === kind).length;
  return { orphan: count('orphan'), retained: count('retained') };
}
