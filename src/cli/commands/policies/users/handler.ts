/** `kon policies users`: lists the accounts whose roles have a policy. */
import { accountKind } from '../../../cluster/kinds.ts';
import { getClusterFacts } from '../../../cluster/cluster-config.ts';
import { listObjects } from '../../../cluster/objects.ts';
import type { CliContext } from '../../../framework/context.ts';
import { exitCodes, type ExitCode } from '../../../framework/exit-codes.ts';
import { writeList } from '../../../framework/output/answer.ts';
import type { Column } from '../../../framework/output/table.ts';
import { namesPolicy, policiesOf } from '../../../permissions/policies.ts';
import { podCount, targetNames, withTargetUses, type TargetUse } from '../../../permissions/target-uses.ts';

type Row = {
  readonly account: string;
  readonly policy: string;
  readonly as: 'policy' | 'boundary';
  /** Whether the policy is attached to the role. Undefined for a boundary. */
  readonly attached?: boolean;
  readonly targets: readonly TargetUse[];
};

/** Exits with 0 if an account has the policy, and 1 if no account has it. */
export async function policyUsersFlow(context: CliContext, policy: string): Promise<ExitCode> {
  const client = await context.connect();
  const [{ facts }, accounts] = await Promise.all([
    getClusterFacts(client),
    listObjects(client, accountKind),
  ]);
  const found = accounts.flatMap((account) => {
    const { name, policies, boundary, detached = [] } = policiesOf(account, facts, context.now());
    const isNamed = (arn: string): boolean => namesPolicy(policy, arn, facts);
    return [
      ...policies.filter(isNamed).map((arn) => ({
        account: name,
        policy: arn,
        as: 'policy' as const,
        attached: !detached.includes(arn),
      })),
      ...(boundary !== undefined && isNamed(boundary)
        ? [{ account: name, policy: boundary, as: 'boundary' as const }]
        : []),
    ];
  });
  const items: readonly Row[] = await withTargetUses(context, client, accounts, found);
  await writeList(context, {
    rows: items,
    columns,
    data: {
      kind: 'PolicyUserList',
      value: { policy, items },
      name: ({ account }: Row) => account,
    },
    empty: `No account has the policy ${policy}.\n`,
  });
  return items.length > 0 ? exitCodes.ok : exitCodes.error;
}

const columns: readonly Column<Row>[] = [
  { header: 'ACCOUNT', value: ({ account }) => account, whole: true },
  { header: 'AS', value: ({ as }) => as },
  {
    header: 'ATTACHED',
    value: ({ attached }) => (attached === undefined ? '' : attached ? 'yes' : 'no'),
    style: ({ attached }) => (attached === false ? 'yellow' : undefined),
  },
  { header: 'TARGETS', value: ({ targets }) => targetNames(targets) },
  { header: 'PODS', value: ({ targets }) => podCount(targets) },
  { header: 'POLICY', value: ({ policy }) => policy },
];
