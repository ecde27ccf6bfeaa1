/** Prints an error: the failure, its causes and next steps. */
import type { CliError } from '../errors.ts';
import { paint, printable } from './color.ts';

export function renderError(
  error: CliError,
  options: {
    readonly json: boolean;
    readonly color: boolean;
    readonly cause: boolean;
    /** Command that explains the error; undefined if the error needs no explanation. */
    readonly explain?: string | undefined;
  },
): string {
  if (options.json) {
    const { code, message, details, next } = error;
    return `${JSON.stringify({
      apiVersion: 'cli.k11n.dev/v1',
      kind: 'Error',
      code,
      exitCode: error.exitCode,
      message,
      details,
      next,
      ...(options.explain === undefined ? {} : { explain: options.explain }),
    })}\n`;
  }
  const lines = [`${paint('red', 'Error:', options.color)} ${indented(error.message)}`];
  for (const detail of error.details) lines.push(`  ${indented(detail)}`);
  if (error.next.length > 0) {
    const [first = '', ...rest] = error.next;
    lines.push('', `${paint('bold', 'Next:', options.color)} ${first}`);
    for (const step of rest) lines.push(`      ${step}`);
  }
  if (options.explain !== undefined)
    lines.push('', `For more information about this error, run "${options.explain}".`);
  if (options.cause) {
    for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause)
      lines.push('', `Caused by: ${cause.stack ?? cause.message}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Indents all lines of a text except the first. */
function indented(text: string): string {
  return printable(text).replaceAll('\n', '\n  ');
}
