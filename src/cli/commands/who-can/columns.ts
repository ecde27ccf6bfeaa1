/** Columns of the table of `kon who-can`. */
import type { Style } from '../../framework/output/color.ts';
import type { Column } from '../../framework/output/table.ts';
import { podCount, targetNames, type TargetUse } from '../../permissions/target-uses.ts';
import type { WhoCanRow } from '../../permissions/who-can.ts';

export type AnsweredRow = WhoCanRow & { readonly targets: readonly TargetUse[] };

const styles: Readonly<Record<WhoCanRow['decision'], Style>> = {
  allowed: 'green',
  denied: 'red',
  depends: 'yellow',
  unknown: 'yellow',
};

export function whoCanColumns(isWithout: boolean): readonly Column<AnsweredRow>[] {
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
    ...(by.some(({ isAttached }) => !isAttached) ? ['a policy that decides is not attached'] : []),
    ...(isComplete ? [] : ['not every policy was read']),
  ].join('; ');
}
