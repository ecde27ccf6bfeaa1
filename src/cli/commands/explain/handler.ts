/** Prints the explanation of a code, or the list of codes. */
import type { CliContext } from '../../framework/context.ts';
import { CliError } from '../../framework/errors.ts';
import { renderTable, type Column } from '../../framework/output/table.ts';
import { explanations, explanationsOf, type Explanation } from './codes.ts';

/** @throws CliError of code NOT_FOUND */
export function explainCode({ stdout, format }: CliContext, code: string | undefined): void {
  if (code === undefined) {
    stdout.write(renderTable(columns, explanations, { output: stdout, format }));
    return;
  }
  const found = explanationsOf(code);
  if (found.length === 0)
    throw new CliError('NOT_FOUND', `no error code or reason "${code}"`, {
      details: similar(code),
      next: ['List all codes: kon explain'],
    });
  stdout.write(found.map(page).join('\n'));
}

function page({ code, source, meaning, steps }: Explanation): string {
  const next = steps.length > 0 ? steps : ['Nothing has to be done.'];
  return `${code} is ${source}.\n\n${meaning}\n\nNext: ${next.join('\n      ')}\n`;
}

/** Codes that contain the text, or that it contains. */
function similar(text: string): readonly string[] {
  const typed = text.toLowerCase();
  const codes = explanations.map(({ code }) => code).filter((code) => code.toLowerCase().includes(typed));
  return codes.length > 0 ? [`Did you mean: ${[...new Set(codes)].slice(0, 5).join(', ')}`] : [];
}

const columns: readonly Column<Explanation>[] = [
  { header: 'CODE', value: ({ code }) => code },
  { header: 'MEANING', wraps: true, value: ({ meaning }) => meaning },
];
