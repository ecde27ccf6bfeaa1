/** `kon diff`: shows line by line what `kon apply` would change in the cluster. */
import type { CliContext } from '../../framework/context.ts';
import { exitCodes, type ExitCode } from '../../framework/exit-codes.ts';
import type { KonObject } from '../../cluster/kinds.ts';
import { presentable } from '../../manifest/present.ts';
import { paint } from '../../framework/output/color.ts';
import { writeDocument } from '../../framework/output/answer.ts';
import { lineDifference, type Line } from '../../framework/output/line-difference.ts';
import { asYaml } from '../../framework/output/data.ts';
import { printable } from '../../framework/output/printable.ts';
import { dryRunItem, itemsOfFiles, type DryRunResult } from '../../objects/apply-items.ts';

/** Number of unchanged lines that are shown around each change, as usual in a unified diff. */
const contextLines = 3;

/** Exits with 0 if nothing would change, 1 if something would, and above 1 if it cannot be determined. */
export async function diffFlow(
  context: CliContext,
  request: { readonly filenames: readonly string[]; readonly recursive: boolean; readonly force: boolean },
): Promise<ExitCode> {
  const items = await itemsOfFiles(context, request.filenames, request.recursive);
  const client = await context.connect();
  const foreseen: DryRunResult[] = [];
  for (const item of items) foreseen.push(await dryRunItem(context, client, item, request));
  const changed = foreseen.filter((each) => each.did !== 'unchanged');
  const differences = changed.map(({ item, before, object, did }) => ({
    object: item.label,
    action: did === 'created' ? 'create' : 'update',
    ...(before ? { before: presentable(before) } : {}),
    after: presentable(object),
  }));
  await writeDocument(context, 'Diff', { items: differences }, (color) =>
    changed.map((each) => renderDifference(each, color)).join(''),
  );
  return changed.length === 0 ? exitCodes.ok : exitCodes.error;
}

function renderDifference({ item, before, object }: DryRunResult, color: boolean): string {
  const text = (value: KonObject | undefined): readonly string[] =>
    value ? asYaml(presentable(value)).trimEnd().split('\n') : [];
  const heading = paint('bold', `${item.label} ${before ? 'would change' : 'would be created'}:`, color);
  const lines = nearChanges(lineDifference(text(before), text(object)));
  return `${heading}\n${lines.map((line) => renderLine(line, color)).join('')}`;
}

function renderLine(line: Line | 'gap', color: boolean): string {
  if (line === 'gap') return '  …\n';
  const shown = `${line.mark} ${printable(line.text)}`;
  if (line.mark === ' ') return `${shown}\n`;
  return `${paint(line.mark === '+' ? 'green' : 'red', shown, color)}\n`;
}

function nearChanges(lines: readonly Line[]): readonly (Line | 'gap')[] {
  const isNear = lines.map((_, index) =>
    lines
      .slice(Math.max(0, index - contextLines), index + contextLines + 1)
      .some((line) => line.mark !== ' '),
  );
  return lines.flatMap((line, index): readonly (Line | 'gap')[] => {
    if (isNear[index]) return [line];
    return index > 0 && isNear[index - 1] ? ['gap'] : [];
  });
}
