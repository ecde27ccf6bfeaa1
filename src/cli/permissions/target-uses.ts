/** Collects the targets and pods of accounts, for reports about permissions. */
import type { LinkedServiceAccount } from '../../api/linked-service-account.ts';
import { defined } from '../../k8s/defined.ts';
import type { KubeClient } from '../../kube/index.ts';
import type { CliContext } from '../framework/context.ts';
import { podsOfAccounts } from '../pods/list-pods.ts';

export type TargetUse = {
  readonly target: string;
  readonly proven: boolean;
  /** RFC 3339 time of the last proof. */
  readonly provenAt?: string;
  /** Pods with the ServiceAccount of the account; absent if the user is not permitted to list them. */
  readonly pods?: readonly string[];
};

/** Adds to each row the targets of its account, including former targets that still have sessions. */
export async function withTargetUses<Row extends { readonly account: string }>(
  context: CliContext,
  client: KubeClient,
  all: readonly LinkedServiceAccount[],
  rows: readonly Row[],
): Promise<readonly (Row & { readonly targets: readonly TargetUse[] })[]> {
  const accounts = all.filter(({ metadata }) => rows.some(({ account }) => account === metadata.name));
  const namesOf = ({ spec, status }: LinkedServiceAccount): readonly string[] => [
    ...new Set([
      ...(spec.targets ?? []),
      ...(status?.targets ?? []).map(({ name }) => name),
      ...(status?.formerTargets ?? []).map(({ name }) => name),
    ]),
  ];
  const targets = [...new Set(accounts.flatMap(namesOf))];
  const refused = new Set<string>();
  const pods =
    targets.length === 0
      ? []
      : await podsOfAccounts(context, client, accounts, { targets, others: false, refused });
  const uses = new Map(
    accounts.map((account) => {
      const { name } = account.metadata;
      const ofAccount = namesOf(account).map((target): TargetUse => {
        const row = account.status?.targets?.find((each) => each.name === target);
        const own = pods.filter((pod) => pod.target === target && pod.serviceAccount === name);
        return {
          target,
          proven: row?.proven === true,
          ...defined({
            provenAt: row?.provenAt,
            pods: refused.has(target) ? undefined : own.map(({ pod }) => pod.metadata.name),
          }),
        };
      });
      return [name, ofAccount];
    }),
  );
  return rows.map((row) => ({ ...row, targets: uses.get(row.account) ?? [] }));
}

export function targetNames(uses: readonly TargetUse[]): string {
  return uses.map(({ target, proven }) => (proven ? target : `${target} (unproven)`)).join(', ');
}

/** Number of pods, with a question mark if the pods of a target could not be listed. */
export function podCount(uses: readonly TargetUse[]): string {
  const isPartial = uses.some(({ pods }) => pods === undefined);
  const count = uses.reduce((sum, { pods = [] }) => sum + pods.length, 0);
  if (!isPartial) return String(count);
  return count === 0 ? '?' : `${count}+?`;
}
