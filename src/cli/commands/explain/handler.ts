/** Prints the explanation of a code, or the list of codes. */
import { closest } from '../../framework/closest.ts';
import type { CliContext } from '../../framework/context.ts';
import { CliError } from '../../framework/errors.ts';
import { writeDocument } from '../../framework/output/answer.ts';
import { renderTable, type Column } from '../../framework/output/table.ts';
import { explanations, explanationsOf, type Explanation } from './codes.ts';

/** @throws CliError of code NOT_FOUND */
export async function explainCode(context: CliContext, code: string | undefined): Promise<void> {
  const found = code === undefined ? explanations : explanationsOf(code);
  if (code !== undefined && found.length === 0)
    throw new CliError('NOT_FOUND', `there is no error code, reason or check "${code}"`, {
      details: similar(code),
      next: ['List all codes: kon explain'],
    });
  const { stdout, format } = context;
  await writeDocument(context, 'ExplanationList', { items: found }, () =>
    code === undefined ? renderTable(columns, found, { output: stdout, format }) : found.map(page).join('\n'),
  );
}

function page({ code, source, meaning, steps }: Explanation): string {
  const next = steps.length > 0 ? steps : ['No action is needed.'];
  return `${code} is ${source}.\n\n${meaning}\n\nNext: ${next.join('\n      ')}\n`;
}

/** Returns the code with the most similar spelling, or the codes that contain the text. */
function similar(text: string): readonly string[] {
  const codes = [...new Set(explanations.map(({ code }) => code))];
  const alike = closest(text, codes);
  const typed = text.toLowerCase();
  const meant = alike === undefined ? codes.filter((code) => code.toLowerCase().includes(typed)) : [alike];
  return meant.length > 0 ? [`Did you mean: ${meant.slice(0, 5).join(', ')}`] : [];
}

const columns: readonly Column<Explanation>[] = [
  { header: 'CODE', value: ({ code }) => code },
  { header: 'MEANING', wraps: true, value: ({ meaning }) => meaning },
];
