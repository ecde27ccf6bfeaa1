/** Roles that Konstellation made for a cluster, and whose account is there no more. Pure. */
import { isAdopted, markedFor } from '../../identity/ownership.ts';
import type { ObservedRole } from '../../identity/world.ts';

export type Orphan = {
  readonly name: string;
  readonly arn: string;
  /** The account that it was made for. */
  readonly account: string;
  readonly attachedPolicyArns: readonly string[];
  readonly inlinePolicyNames: readonly string[];
  /** It was there before Konstellation: it loses our marks, and stays. */
  readonly adopted: boolean;
};

/** @param accounts that are on the cluster now */
export function orphansOf(
  roles: readonly ObservedRole[],
  clusterArn: string,
  accounts: ReadonlySet<string>,
): readonly Orphan[] {
  return roles.flatMap((role) => {
    const marks = markedFor(role.tags);
    if (!marks || marks.clusterArn !== clusterArn || accounts.has(marks.account)) return [];
    return [
      {
        name: role.name,
        arn: role.arn,
        account: marks.account,
        attachedPolicyArns: role.attachedPolicyArns,
        inlinePolicyNames: role.inlinePolicyNames,
        adopted: isAdopted(role.tags),
      },
    ];
  });
}
