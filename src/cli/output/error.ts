/** How an error is told: what happened, why, and what to do next. */
import { stripVTControlCharacters } from 'node:util';
import type { CliError } from '../errors.ts';
import { errorCodes } from '../errors.ts';
import { paint } from './color.ts';

export function renderError(
  error: CliError,
  options: { readonly json: boolean; readonly color: boolean; readonly cause: boolean },
): string {
  if (options.json) {
    const { code, message, details, next } = error;
    return `${JSON.stringify({
      apiVersion: 'cli.k11n.dev/v1',
      kind: 'Error',
      code,
      exitCode: errorCodes[code].exit,
      message,
      details,
      next,
    })}\n`;
  }
  const lines = [`${paint('red', 'Error:', options.color)} ${printable(error.message)}`];
  for (const detail of error.details) lines.push(`  ${printable(detail)}`);
  if (error.next.length > 0) {
    const [first = '', ...rest] = error.next;
    lines.push('', `${paint('bold', 'Next:', options.color)} ${first}`);
    for (const step of rest) lines.push(`      ${step}`);
  }
  if (options.cause) {
    for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause)
      lines.push('', `Caused by: ${cause.stack ?? cause.message}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Text from a cluster must not drive the terminal. Line breaks stay within the indentation. */
function printable(text: string): string {
  return stripVTControlCharacters(text).replaceAll('\n', '\n  ');
}
