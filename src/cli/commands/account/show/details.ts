/** Renders the text of `kon account show`. */
import type {
  FormerTarget,
  LinkedServiceAccount,
  PermissionStatement,
  PolicyStatus,
  QuarantinedPodStatus,
  StatementsStatus,
  TargetStatus,
} from '../../../../api/linked-service-account.ts';
import { policyRows } from './policy-rows.ts';
import { accountKind } from '../../../cluster/kinds.ts';
import { ageOf, problemColumns, yesNoColumn } from '../../../objects/columns.ts';
import { filledColumns, renderPage, renderSection } from '../../../objects/details.ts';
import { lastUsedText } from '../../../objects/last-used.ts';
import type { ShowOptions, View } from '../../../objects/show.ts';
import type { Column } from '../../../framework/output/table.ts';
import { podWords } from '../../../objects/pod-quarantine.ts';
import { renderPodsNotCurrent, accountPodsNotCurrent } from '../../../pods/not-current.ts';
import { awaitsPod } from '../../../framework/wait/progress.ts';

/** @param isWhole whether to also show conditions, Events, ARNs and default values */
export const accountView = (isWhole: boolean): View<LinkedServiceAccount> => ({
  render: (account, options) => renderAccount(account, options, isWhole),
  pods: accountPodsNotCurrent,
});

function renderAccount(account: LinkedServiceAccount, options: ShowOptions, isWhole: boolean): string {
  const { spec, status } = account;
  const { stdout } = options;
  const now = options.now();
  const policies = policyRows(account);
  const targets = status?.targets ?? [];
  const shown = new Set([...policies, ...targets].flatMap(({ reason }) => reason ?? []));
  const policyTable = isWhole
    ? [policyArn, ...policyColumns]
    : [policyName, ...filledColumns(policyColumns, policies)];
  const targetTable = isWhole ? targetColumns(now) : filledColumns(targetColumns(now), targets);
  return renderPage(accountKind, account, options, {
    fields: [
      ['Role', status?.roleArn],
      ['Identity mode', spec.aws.identityMode],
      ['Description', spec.aws.description],
      ['Boundary', spec.aws.permissionsBoundaryArn],
      ['Statements', statementsText(status?.statements)],
      ['Last used', lastUsedText(status?.lastUsed, now) ?? (isWhole ? 'unknown' : undefined)],
      [
        'Session',
        spec.aws.maxSessionDuration === undefined ? undefined : `${spec.aws.maxSessionDuration} s at most`,
      ],
      ['Targets', targetsText(spec.targets, isWhole || targets.length === 0)],
      ['On deletion', deletionText(spec.deletionPolicy, isWhole)],
    ],
    sections: [
      renderSection('Policies', policyTable, policies, stdout),
      renderSection('Statements', statementColumns, spec.aws.statements ?? [], stdout),
      renderSection('Targets', targetTable, targets, stdout),
      renderSection('Pods in quarantine', quarantinedColumns, status?.quarantinedPods ?? [], stdout),
      renderSection('Former targets', formerColumns(now), liveFormer(status?.formerTargets, now), stdout),
      renderPodsNotCurrent(options.pods ?? [], now, stdout),
    ],
    shown: isWhole ? undefined : shown,
  });
}

/** Describes the account's targets. Returns undefined if the table of targets shows their names. */
function targetsText(named: readonly string[] | undefined, isWhole: boolean): string | undefined {
  if (!named) return 'all of the cluster';
  return isWhole ? named.join(', ') : undefined;
}

function deletionText(policy: string | undefined, isWhole: boolean): string | undefined {
  if (policy === 'Retain') return 'the role stays';
  return isWhole ? 'the role is deleted' : undefined;
}

/** Returns the former targets that have not expired. The operator removes expired entries with a delay. */
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

const quarantinedColumns: readonly Column<QuarantinedPodStatus>[] = [
  { header: 'POD', value: podWords },
  { header: 'UID', value: ({ uid }) => uid },
  yesNoColumn('DENIED', ({ denied }) => denied),
  { header: 'SINCE', value: ({ since }) => since },
  { header: 'BY', value: ({ requestedBy = '' }) => requestedBy },
  { header: 'MESSAGE', wraps: true, value: ({ message = '' }) => message },
];

const yesNo = (yes: boolean): string => (yes ? 'yes' : 'no');

const policyArn: Column<PolicyStatus> = { header: 'ARN', value: ({ arn }) => arn };

/** Shows a policy as `aws/NAME` or `account/PATH/NAME`, the forms that `--policy` accepts. */
const policyName: Column<PolicyStatus> = {
  header: 'POLICY',
  value: ({ arn }) =>
    arn.replace(/^arn:[^:]+:iam::([^:]+):policy\//, (_match, owner: string) =>
      owner === 'aws' ? 'aws/' : 'account/',
    ),
};

const policyColumns: readonly Column<PolicyStatus>[] = [
  yesNoColumn('ATTACHED', ({ attached }) => attached),
  ...problemColumns,
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
  ...problemColumns,
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
