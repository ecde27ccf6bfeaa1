/** Renders the text of `kon account show`. */
import type {
  FormerTarget,
  LinkedServiceAccount,
  PermissionStatement,
  PolicyStatus,
  StatementsStatus,
  TargetStatus,
} from '../../../../api/linked-service-account.ts';
import { policyRows } from './policy-rows.ts';
import { accountKind } from '../../../cluster/kinds.ts';
import { ageOf } from '../../../objects/columns.ts';
import { renderPage, renderSection } from '../../../objects/details.ts';
import type { ShowOptions, View } from '../../../objects/show.ts';
import type { Column } from '../../../framework/output/table.ts';
import { renderPodsNotCurrent } from '../../../pods/not-current.ts';
import { accountPodsNotCurrent } from '../../../pods/read-pods.ts';
import { awaitsPod } from '../../../framework/wait/progress.ts';

export const accountView: View<LinkedServiceAccount> = { render: renderAccount, pods: accountPodsNotCurrent };

function renderAccount(account: LinkedServiceAccount, options: ShowOptions): string {
  const { spec, status } = account;
  const { stdout } = options;
  const now = options.now();
  return renderPage(accountKind, account, options, {
    fields: [
      ['Role', status?.roleArn],
      ['Identity mode', spec.aws.identityMode],
      ['Description', spec.aws.description],
      ['Boundary', spec.aws.permissionsBoundaryArn],
      ['Statements', statementsText(status?.statements)],
      [
        'Session',
        spec.aws.maxSessionDuration === undefined ? undefined : `${spec.aws.maxSessionDuration} s at most`,
      ],
      ['Targets', spec.targets ? spec.targets.join(', ') : 'all of the cluster'],
      ['On deletion', spec.deletionPolicy === 'Retain' ? 'the role stays' : 'the role is deleted'],
    ],
    sections: [
      renderSection('Policies', policyColumns, policyRows(account), stdout),
      renderSection('Statements', statementColumns, spec.aws.statements ?? [], stdout),
      renderSection('Targets', targetColumns(now), status?.targets ?? [], stdout),
      renderSection('Former targets', formerColumns(now), liveFormer(status?.formerTargets, now), stdout),
      renderPodsNotCurrent(options.pods ?? [], now, stdout),
    ],
  });
}

/** Skips expired entries that the operator has not removed yet. */
const liveFormer = (former: readonly FormerTarget[] | undefined, now: number): readonly FormerTarget[] =>
  (former ?? []).filter(({ sessionsUntil }) => Date.parse(sessionsUntil) > now);

const formerColumns = (now: number): readonly Column<FormerTarget>[] => [
  { header: 'NAME', value: ({ name }) => name },
  { header: 'SESSIONS MAY LIVE UNTIL', value: ({ sessionsUntil }) => sessionsUntil },
  {
    header: 'LEFT',
    value: ({ sessionsUntil }) => `${Math.ceil((Date.parse(sessionsUntil) - now) / 60_000)}m`,
  },
];

const yesNo = (yes: boolean): string => (yes ? 'yes' : 'no');

const policyColumns: readonly Column<PolicyStatus>[] = [
  { header: 'ARN', value: (policy) => policy.arn },
  {
    header: 'ATTACHED',
    value: (policy) => yesNo(policy.attached),
    style: (policy) => (policy.attached ? 'green' : 'red'),
  },
  { header: 'REASON', value: (policy) => policy.reason ?? '' },
  { header: 'MESSAGE', wraps: true, value: (policy) => policy.message ?? '' },
];

function statementsText(state: StatementsStatus | undefined): string | undefined {
  if (!state || state.applied) return state && 'written to the role';
  return `not written: ${state.message ?? state.reason ?? ''}`;
}

const statementColumns: readonly Column<PermissionStatement>[] = [
  { header: 'SID', value: ({ sid = '' }) => sid },
  { header: 'ACTIONS', value: ({ actions }) => actions.join(', ') },
  { header: 'RESOURCES', value: ({ resources }) => resources.join(', ') },
  { header: 'CONDITIONS', value: ({ conditions }) => (conditions ? JSON.stringify(conditions) : '') },
  { header: 'UNTIL', value: ({ until = '' }) => until },
];

const targetColumns = (now: number): readonly Column<TargetStatus>[] => [
  { header: 'NAME', value: (target) => target.name },
  {
    header: 'LINKED',
    value: (target) =>
      target.linked && target.identityMode === 'PodIdentity' ? 'by association' : yesNo(target.linked),
    style: (target) => (target.linked ? 'green' : 'red'),
  },
  {
    header: 'PROVEN',
    value: (target) =>
      target.proven && target.provenAt
        ? `${ageOf(target.provenAt, now)} ago`
        : awaitsPod(target)
          ? 'by its first pod'
          : yesNo(target.proven),
    style: (target) => (target.proven ? 'green' : awaitsPod(target) ? 'yellow' : 'red'),
  },
  {
    header: 'PODS',
    value: ({ pods }) => (pods ? podsText(pods) : ''),
  },
  { header: 'REASON', value: (target) => target.reason ?? '' },
  { header: 'MESSAGE', wraps: true, value: (target) => target.message ?? '' },
];

function podsText(pods: NonNullable<TargetStatus['pods']>): string {
  const parts = [
    [pods.current, 'current'],
    [pods.stale, 'stale'],
    [pods.uninjected, 'without identity'],
  ] as const;
  const present = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return present.join(', ') || 'none';
}
