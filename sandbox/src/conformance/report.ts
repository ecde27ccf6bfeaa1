/** Report of a conformance run: its data, and its text form. Reports contain no credentials or tokens. */
import type { Measurement } from './measurements.ts';
import type { CallResult } from './run-scenario.ts';

export type ScenarioReport = { readonly name: string; readonly calls: readonly CallResult[] };
export type AreaReport = { readonly name: string; readonly scenarios: readonly ScenarioReport[] };

export type Report = {
  readonly run: string;
  /** Version of `kon`. */
  readonly version: string;
  /** Start time of the run in ISO 8601 format. */
  readonly startedAt: string;
  readonly durationSeconds: number;
  readonly accountId: string;
  readonly partition: string;
  readonly region: string;
  readonly caller: string;
  /** Endpoint that the run used instead of AWS; undefined for AWS. */
  readonly endpoint?: string | undefined;
  readonly cluster?: { readonly name: string; readonly region: string; readonly issuer: string } | undefined;
  /** Whether the run was interrupted. If so, the remaining scenarios are missing. */
  readonly interrupted: boolean;
  readonly calls: { readonly equal: number; readonly different: number; readonly skipped: number };
  readonly areas: readonly AreaReport[];
  readonly measurements: readonly Measurement[];
  /** Quotas of the AWS account, keyed by their names in the response of GetAccountSummary. */
  readonly quotas: Readonly<Record<string, number>>;
  readonly removed: number;
  /** Objects that the run could not remove, each with the reason. */
  readonly left: readonly string[];
};

export function countCalls(areas: readonly AreaReport[]): Report['calls'] {
  const calls = areas.flatMap(({ scenarios }) => scenarios.flatMap((scenario) => scenario.calls));
  const count = (status: CallResult['status']): number =>
    calls.filter((call) => call.status === status).length;
  return { equal: count('equal'), different: count('different'), skipped: count('skipped') };
}

const secretMembers: ReadonlySet<string> = new Set([
  'AccessKeyId',
  'SecretAccessKey',
  'SessionToken',
  'WebIdentityToken',
]);

const shortestSecret = 16;

/**
 * Removes access keys and tokens from all texts and, if requested, the account id and the caller's name.
 * @param secrets texts that must not remain, for example the token of a cluster; short texts are ignored, because they
 *   could be parts of words
 */
export function cleanReport(
  report: Report,
  { mask, secrets }: { readonly mask: boolean; readonly secrets: readonly string[] },
): Report {
  const { accountId, caller } = report;
  const cleanText = (text: string): string => {
    let clean = text;
    for (const secret of secrets)
      if (secret.length >= shortestSecret) clean = clean.replaceAll(secret, '<removed>');
    clean = clean
      .replaceAll(/\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b/g, '<access key>')
      .replaceAll(/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, '<token>');
    return mask ? clean.replaceAll(caller, '<caller>').replaceAll(accountId, '<account>') : clean;
  };
  const clean = (value: unknown): unknown => {
    if (typeof value === 'string') return cleanText(value);
    if (Array.isArray(value)) return value.map(clean);
    if (typeof value !== 'object' || value === null || value instanceof Date) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [
        name,
        secretMembers.has(name) && typeof member === 'string' && !member.startsWith('<')
          ? '<removed>'
          : clean(member),
      ]),
    );
  };
  return clean(report) as Report;
}

export function renderReport(report: Report): string {
  const { calls, areas, measurements, quotas, cluster, endpoint } = report;
  const different = areas.flatMap(({ name: area, scenarios }) =>
    scenarios.flatMap(({ name, calls: all }) =>
      all.filter(({ status }) => status === 'different').map((call) => ({ area, name, call })),
    ),
  );
  const lines = [
    '# Conformance report',
    '',
    `Calls: ${calls.equal} equal to the scenario table, ${calls.different} different, ${calls.skipped} skipped.`,
    ...(report.interrupted ? ['', 'The run was interrupted: later scenarios are missing.'] : []),
    '',
    ...table(
      ['', ''],
      [
        ['Run', report.run],
        ['Started', report.startedAt],
        ['Duration', `${report.durationSeconds} s`],
        ['kon', report.version],
        ['AWS account', `${report.accountId} (${report.partition}, ${report.region})`],
        ['Caller', report.caller],
        ...(endpoint === undefined ? [] : [['Endpoint instead of AWS', endpoint]]),
        ['Cluster', cluster ? `${cluster.name} (${cluster.region}), issuer ${cluster.issuer}` : 'none'],
        ['Removed afterwards', `${report.removed}`],
      ],
    ),
    ...(report.left.length > 0 ? ['', '## Not removed', '', ...report.left.map((left) => `- ${left}`)] : []),
    '',
    '## Measurements',
    '',
    ...table(
      ['Question', 'Answer'],
      measurements.map(({ question, answer }) => [question, answer]),
    ),
    '',
    '## Quotas of the account',
    '',
    ...table(
      ['Quota', 'Value'],
      Object.entries(quotas).map(([name, value]) => [name, `${value}`]),
    ),
    ...(different.length > 0 ? ['', '## Differences'] : []),
    ...different.flatMap(({ area, name, call }) => [
      '',
      `- **${area}: ${name}**, ${call.operation}`,
      ...call.differences.map((difference) => `  - ${oneLine(difference)}`),
    ]),
    ...areas.flatMap(({ name, scenarios }) => [
      '',
      `## ${name}`,
      '',
      ...table(
        ['Scenario', 'Call', 'Expected', 'Got', 'Equal'],
        scenarios.flatMap((scenario) =>
          scenario.calls.map((call) => [
            scenario.name,
            call.as === undefined ? call.operation : `${call.operation} as ${call.as}`,
            cell(call.expected),
            call.status === 'skipped' ? '' : cell(call.got),
            verdict(call),
          ]),
        ),
      ),
    ]),
  ];
  return `${lines.join('\n')}\n`;
}

function verdict({ status, reason, attempts, settledMs }: CallResult): string {
  if (status === 'skipped') return `skipped: ${reason}`;
  const after = attempts > 1 ? `, after ${attempts} calls in ${settledMs} ms` : '';
  return `${status === 'equal' ? 'yes' : '**no**'}${after}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((text) => oneLine(text).replaceAll('|', '\\|')).join(' | ')} |`;
  return [row(head), `|${' --- |'.repeat(head.length)}`, ...rows.map(row)];
}

/** Maximum length of a table cell; the JSON report has the whole text. */
const longestCell = 160;

function cell(value: unknown): string {
  const text = (JSON.stringify(value) ?? '').replaceAll('`', "'");
  return `\`${text.length > longestCell ? `${text.slice(0, longestCell)}…` : text}\``;
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ');
