/** Creates the document of `kon account suggest`, and renders its text. Pure. */
import { accountKind, nameOf } from '../../../cluster/kinds.ts';
import { paint } from '../../../framework/output/color.ts';
import type { Manifest } from '../../../manifest/present.ts';
import { renderDifference } from '../../../manifest/difference.ts';
import type { PolicyAdvice, StatementAdvice, Suggestion } from '../../../permissions/suggestion.ts';

export type ReportedRole = {
  readonly arn: string;
  /** RFC 3339. */
  readonly createdAt?: string;
};

export type AccountSuggestion = {
  readonly account: string;
  /** RFC 3339 time. Permissions without a use since then count as unused. */
  readonly since: string;
  readonly roles: readonly ReportedRole[];
  /** RFC 3339 time of the last use; absent if IAM reports none. */
  readonly lastAccessed?: string;
  /**
   * Advice for each policy. Empty if IAM reports no use of the account since `since`: the report of an unused account
   * does not show which single policies are needed.
   */
  readonly policies: readonly PolicyAdvice[];
  readonly statements: readonly StatementAdvice[];
  readonly current: Manifest;
  /** The account with all advice applied. Absent if nothing is suggested. */
  readonly proposed?: Manifest;
  /** Reasons why the report may be misleading for this account. */
  readonly warnings: readonly string[];
  /** Limits of IAM's report. */
  readonly caveats: readonly string[];
  /** Commands that review and save the suggestion. */
  readonly commands: readonly string[];
};

export function suggestionOf({
  account,
  period,
  since,
  roles,
  lastAccessed,
  suggestion,
}: {
  readonly account: Manifest;
  /** Period as the user wrote it, for example `90d`. */
  readonly period: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly roles: readonly ReportedRole[];
  readonly lastAccessed: string | undefined;
  readonly suggestion: Suggestion;
}): AccountSuggestion {
  const { name } = account.metadata;
  const isUsed = lastAccessed !== undefined && Date.parse(lastAccessed) >= since;
  const { policies, statements, proposed } = isUsed
    ? suggestion
    : { policies: [], statements: [], proposed: undefined };
  return {
    account: name,
    since: new Date(since).toISOString(),
    roles,
    ...(lastAccessed === undefined ? {} : { lastAccessed }),
    policies,
    statements,
    current: account,
    ...(proposed ? { proposed: { ...account, spec: proposed } } : {}),
    warnings: [
      ...(isUsed ? [] : [unusedText(name, since, lastAccessed)]),
      ...roles.flatMap(({ arn, createdAt }) =>
        createdAt !== undefined && Date.parse(createdAt) > since
          ? [`the role ${arn} was created at ${createdAt}, so IAM reports its use for less than ${period}`]
          : [],
      ),
    ],
    caveats: caveatsOf(period, policies),
    commands: proposed ? commandsFor(name, period, policies, statements) : [],
  };
}

function unusedText(name: string, since: number, lastAccessed: string | undefined): string {
  const last = lastAccessed === undefined ? 'in the tracking period' : `since ${dayOf(since)}`;
  const before = lastAccessed === undefined ? '' : `; the last one was at ${lastAccessed}`;
  return `IAM reports no use of account "${name}" ${last}${before}. Nothing is suggested; if no app needs the account: kon account delete ${name}`;
}

/**
 * Returns the limits of IAM's report. Source: IAM User Guide, "Refine permissions in AWS using last accessed
 * information".
 */
function caveatsOf(period: string, policies: readonly PolicyAdvice[]): readonly string[] {
  return [
    'IAM tracks management actions of some services. Data events, such as s3:GetObject, and all other actions of a used service count as in use.',
    `Permissions that are needed less often than once in ${period} count as unused, for example for a yearly job or for disaster recovery.`,
    'Activity appears in the report within four hours. Denied attempts count as use.',
    'The report covers only the roles of this cluster. Other clusters may use the same manifest.',
    ...(policies.some(({ advice }) => advice === 'narrow')
      ? [
          'AWS adds actions to its managed policies over time. Statements that replace a managed policy do not get these actions.',
        ]
      : []),
  ];
}

function commandsFor(
  name: string,
  period: string,
  policies: readonly PolicyAdvice[],
  statements: readonly StatementAdvice[],
): readonly string[] {
  const needsFile =
    statements.some(({ advice }) => advice !== 'keep') || policies.some(({ advice }) => advice === 'narrow');
  if (!needsFile) {
    const removed = policies.flatMap(({ policy, advice }) =>
      advice === 'keep' ? [] : [`--remove-policy ${policy}`],
    );
    const added = new Set(policies.flatMap(({ by }) => (by === undefined ? [] : [`--add-policy ${by}`])));
    return [`kon account edit ${[name, ...removed, ...added].join(' ')}`];
  }
  const since = period === '90d' ? '' : ` --since ${period}`;
  return [
    `kon account suggest ${name}${since} -o jsonpath='{.proposed}' > ${name}.json`,
    `kon account plan -f ${name}.json`,
    `kon account edit ${name} -f ${name}.json`,
  ];
}

const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);

export function renderSuggestion(suggestion: AccountSuggestion, color: boolean): string {
  const { account, since, policies, statements, current, proposed, warnings, caveats, commands } = suggestion;
  const lines = warnings.map((warning) => paint('yellow', `‼ ${warning}`, color));
  for (const { policy, advice, reason } of policies) lines.push(`${policy}: ${advice}, ${reason}`);
  for (const { statement, advice, removedActions } of statements)
    lines.push(
      `${statement}: ${advice}${removedActions.length > 0 ? `, without ${removedActions.join(', ')}` : ''}`,
    );
  if (policies.length + statements.length > 0)
    lines.unshift(paint('bold', `Use of account ${account} since ${dayOf(Date.parse(since))}:`, color));
  let text = `${lines.join('\n')}\n`;
  if (!proposed) return policies.length + statements.length > 0 ? `${text}\nNothing to suggest.\n` : text;
  text += `\n${renderDifference(nameOf(accountKind, account), current, proposed, color)}`;
  text += `\nConsider before you save it:\n${caveats.map((caveat) => `  ${caveat}\n`).join('')}`;
  return `${text}\nNothing was changed. To review and save it:\n${commands.map((command) => `  ${command}\n`).join('')}`;
}
