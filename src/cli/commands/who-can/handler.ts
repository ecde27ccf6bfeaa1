/** `kon who-can`: evaluates the policies of all accounts for one action on one resource. */
import { accountKind } from '../../cluster/kinds.ts';
import { getClusterFacts } from '../../cluster/cluster-config.ts';
import { listObjects } from '../../cluster/objects.ts';
import type { CliContext } from '../../framework/context.ts';
import { exitCodes, type ExitCode } from '../../framework/exit-codes.ts';
import { writeList } from '../../framework/output/answer.ts';
import { isData } from '../../framework/output/format.ts';
import { withTargetUses, podCount, targetNames, type TargetUse } from '../../permissions/target-uses.ts';
import { answerWhoCan } from '../../permissions/who-can-answer.ts';
import type { Style } from '../../framework/output/color.ts';
import type { Column } from '../../framework/output/table.ts';
import type { WhoCanRow } from '../../permissions/who-can.ts';

/**
 * Exits with 0 if an account is allowed the action, and with 1 if no account is. Exits with 3 if unread policies may
 * allow the action.
 */
export async function whoCanFlow(
  context: CliContext,
  question: { readonly action: string; readonly resource: string; readonly without: string | undefined },
): Promise<ExitCode> {
  const { action, resource } = question;
  const client = await context.connect();
  const [{ facts }, accounts] = await Promise.all([
    getClusterFacts(client),
    listObjects(client, accountKind),
  ]);
  const answer = await answerWhoCan(question, accounts, facts, { context, hasAws: true });
  const { rows, unread, without, isInlineEvaluated, notEvaluated } = answer;
  const found = rows.filter(({ decision }) => decision !== 'denied');
  const items: readonly AnsweredRow[] = await withTargetUses(context, client, accounts, found);
  await writeList(context, {
    rows: items,
    columns: whoCanColumns(without !== undefined),
    data: {
      kind: 'WhoCan',
      value: {
        action,
        resource,
        ...(without === undefined ? {} : { without }),
        accounts: accounts.length,
        items,
        unread,
        notEvaluated,
      },
      name: ({ account }: AnsweredRow) => account,
    },
    empty: `No ${isInlineEvaluated ? '' : 'managed '}policy of an account allows ${action} on ${resource}.\n`,
  });
  const { stderr, format } = context;
  if (resource === '*')
    stderr.write(
      '* stands for all resources. Accounts that are allowed the action on some resources only are not listed; to ask for one resource, pass its ARN.\n',
    );
  if (unread.length > 0)
    stderr.write(
      `‼ the answer is incomplete, because these policies could not be read: ${unread.join(', ')}\n`,
    );
  if (!isInlineEvaluated)
    stderr.write(
      '‼ the answer is incomplete, because inline policies that others put on a role could not be read (iam:GetAccountAuthorizationDetails)\n',
    );
  if (!isData(format)) stderr.write(`Not evaluated: ${notEvaluated.join('; ')}.\n`);
  if (found.some(({ decision, isQuarantined }) => decision !== 'unknown' && !isQuarantined))
    return exitCodes.ok;
  const isUnknown = !isInlineEvaluated || found.some(({ decision }) => decision === 'unknown');
  return isUnknown ? exitCodes.notCompared : exitCodes.error;
}

type AnsweredRow = WhoCanRow & { readonly targets: readonly TargetUse[] };

const styles: Readonly<Record<WhoCanRow['decision'], Style>> = {
  allowed: 'green',
  denied: 'red',
  depends: 'yellow',
  unknown: 'yellow',
};

function whoCanColumns(isWithout: boolean): readonly Column<AnsweredRow>[] {
  return [
    { header: 'ACCOUNT', value: ({ account }) => account, whole: true },
    { header: 'DECISION', value: ({ decision }) => decision, style: ({ decision }) => styles[decision] },
    { header: 'TARGETS', value: ({ targets }) => targetNames(targets) },
    { header: 'PODS', value: ({ targets }) => podCount(targets) },
    ...(isWithout
      ? [{ header: 'WITHOUT', value: ({ loses }: AnsweredRow) => (loses === true ? 'loses it' : 'keeps it') }]
      : []),
    {
      header: 'DECIDED BY',
      value: ({ by }) => policiesOf(by).join(','),
      short: ({ by }) =>
        policiesOf(by)
          .map((arn) => arn.slice(arn.lastIndexOf('/') + 1))
          .join(', '),
    },
    { header: 'NOTES', value: notesOf, wraps: true },
  ];
}

const policiesOf = (by: WhoCanRow['by']): readonly string[] => [...new Set(by.map(({ policy }) => policy))];

function notesOf({ by, conditions, isComplete, isQuarantined }: AnsweredRow): string {
  return [
    ...(isQuarantined ? ['in quarantine, so every session is denied'] : []),
    ...(conditions.length > 0 ? [`depends on ${conditions.join(', ')}`] : []),
    ...(by.some(({ isAttached }) => !isAttached)
      ? ['a policy that decides the answer is not attached to the role']
      : []),
    ...(isComplete ? [] : ['not every policy was read']),
  ].join('; ');
}
