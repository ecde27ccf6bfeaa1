/** Renders the findings in the style of `linkerd check`. Pure. */
import { paint, type Style } from '../../framework/output/color.ts';
import { printable } from '../../framework/output/printable.ts';
import type { Finding } from './examine.ts';

type Status = Finding['verdict']['status'];

const marks: Readonly<Record<Status, readonly [string, Style]>> = {
  ok: ['√', 'green'],
  warning: ['‼', 'yellow'],
  error: ['×', 'red'],
  skipped: ['-', 'dim'],
};

/** Returns the path, in the repository at this version of kon, to the section that explains the check. */
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

export function categoryLines(category: string, color: boolean): string {
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
