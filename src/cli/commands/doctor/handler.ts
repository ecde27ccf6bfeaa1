/** `kon doctor`: runs the checks and prints a report. */
import { setTimeout as delay } from 'node:timers/promises';
import type { CliContext } from '../../framework/context.ts';
import { exitCodes, type ExitCode } from '../../framework/exit-codes.ts';
import { paint, printable, type Style } from '../../framework/output/color.ts';
import { writeDocument } from '../../framework/output/answer.ts';
import { isData } from '../../framework/output/format.ts';
import { checks } from './checks/index.ts';
import { examine, type Finding } from './examine.ts';
import { createLookups } from './lookups.ts';

const pauseMs = 1000;

export async function doctorFlow(
  context: CliContext,
  options: { readonly wait: number | undefined; readonly operatorArn: string | undefined },
): Promise<ExitCode> {
  const { stdout, stderr, format, monotonic, signal } = context;
  const spinner = createSpinner(context);
  let category: string | undefined;
  const tell = (finding: Finding): void => {
    spinner.clear();
    if (isData(format)) return;
    if (format === 'short') {
      if (finding.verdict.status === 'error' || finding.verdict.status === 'warning')
        stdout.write(findingLines(finding, stdout.color));
      return;
    }
    if (finding.check.category !== category) {
      if (category !== undefined) stdout.write('\n');
      category = finding.check.category;
      stdout.write(categoryLines(category, stdout.color));
    }
    stdout.write(findingLines(finding, stdout.color));
  };
  const findings = await examine({
    checks,
    lookups: () => createLookups(context, options.operatorArn),
    signal,
    monotonic,
    deadline: options.wait === undefined ? 0 : monotonic() + options.wait,
    pause: () => delay(pauseMs, undefined, { signal }),
    onFinding: tell,
    onWaiting: (check, verdict) => spinner.turn(`${check.title}: ${verdict.message}`),
  });
  await writeDocument(context, 'DoctorReport', reportDocument(findings), (color) =>
    format === 'short' ? '' : `\n${summaryLine(findings, color)}`,
  );
  if (format === 'short' && findings.every(({ verdict }) => verdict.status === 'ok'))
    stderr.write('All checks passed.\n');
  return isHealthy(findings) ? exitCodes.ok : exitCodes.error;
}

/** On a terminal, shows the last error with a spinner. Otherwise, prints each error once. */
function createSpinner({ stderr }: CliContext): { turn(text: string): void; clear(): void } {
  const faces = ['|', '/', '-', '\\'];
  let turns = 0;
  let shown: string | undefined;
  return {
    turn(text) {
      const line = printable(text).replaceAll(/\s+/g, ' ');
      if (stderr.redraws) {
        const room = (stderr.columns ?? 80) - 3;
        const face = paint('yellow', faces[turns % faces.length] ?? '', stderr.color);
        stderr.write(`\r\u001B[K${face} ${line.slice(0, room)}`);
      } else if (line !== shown) stderr.write(`waiting: ${line}\n`);
      shown = line;
      turns += 1;
    },
    clear() {
      if (shown !== undefined && stderr.redraws) stderr.write('\r\u001B[K');
      shown = undefined;
    },
  };
}

type Status = Finding['verdict']['status'];

const marks: Readonly<Record<Status, readonly [string, Style]>> = {
  ok: ['√', 'green'],
  warning: ['‼', 'yellow'],
  error: ['×', 'red'],
  skipped: ['-', 'dim'],
};

/** Returns the path of the doctor guide in the repository, with the anchor of the section about the check. */
export const documentationOf = (id: string): string => `docs/guides/doctor.md#${id}`;

const explainCheck = (id: string): string => `kon explain ${id}`;

export function findingLines({ check, verdict }: Finding, color: boolean): string {
  const [mark, style] = marks[verdict.status];
  const good = verdict.status === 'ok';
  const message = verdict.message === undefined ? '' : printable(verdict.message);
  const tail = good && message !== '' ? paint('dim', ` (${message})`, color) : '';
  const lines = [`${paint(style, mark, color)} ${check.title}${tail}`];
  if (!good) {
    lines.push(`    ${message}`);
    if (verdict.status !== 'skipped') {
      lines.push(
        ...(verdict.details ?? []).map((detail) => `    ${printable(detail).replaceAll('\n', '\n    ')}`),
      );
      lines.push(`    For more information: ${explainCheck(check.id)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function categoryLines(category: string, color: boolean): string {
  return `${paint('bold', category, color)}\n${'-'.repeat(category.length)}\n`;
}

/** Only an error fails the command, because a warning may be intended. */
export function isHealthy(findings: readonly Finding[]): boolean {
  return findings.every(({ verdict }) => verdict.status !== 'error');
}

export function summaryLine(findings: readonly Finding[], color: boolean): string {
  const [mark, style] = isHealthy(findings) ? marks.ok : marks.error;
  const count = (status: Status): number =>
    findings.filter(({ verdict }) => verdict.status === status).length;
  const parts = (['error', 'warning', 'skipped'] as const)
    .filter((status) => count(status) > 0)
    .map(
      (status) =>
        `${count(status)} ${status === 'skipped' ? 'skipped' : `${status}${count(status) > 1 ? 's' : ''}`}`,
    );
  return `Status check results are ${paint(style, mark, color)}${parts.length > 0 ? ` (${parts.join(', ')})` : ''}\n`;
}

/** Creates the JSON report. Its field names are part of the public contract. */
export function reportDocument(findings: readonly Finding[]): Readonly<Record<string, unknown>> {
  return {
    healthy: isHealthy(findings),
    checks: findings.map(({ check, verdict }) => ({
      id: check.id,
      category: check.category,
      title: check.title,
      status: verdict.status,
      ...(verdict.message === undefined ? {} : { message: verdict.message }),
      ...('details' in verdict && verdict.details?.length ? { details: verdict.details } : {}),
      documentation: documentationOf(check.id),
      explain: explainCheck(check.id),
    })),
  };
}
