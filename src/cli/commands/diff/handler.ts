/** `kon diff`: shows line by line what `kon apply` would change in the cluster. */
import type { OptionValues } from '../../framework/command.ts';
import type { CliContext } from '../../framework/context.ts';
import { exitCodes, type ExitCode } from '../../framework/exit-codes.ts';
import type { manifestsOptions } from '../../framework/options.ts';
import { presentable } from '../../manifest/present.ts';
import { writeDocument } from '../../framework/output/answer.ts';
import { renderDifference } from '../../manifest/difference.ts';
import { dryRunItem, itemsOfFiles, type DryRunResult } from '../../objects/apply-items.ts';

/** Exits with 0 if nothing would change, 1 if something would change, and above 1 if the changes cannot be determined. */
export async function diffFlow(
  context: CliContext,
  { filename, recursive, forceConflicts: force }: OptionValues<typeof manifestsOptions>,
): Promise<ExitCode> {
  const items = await itemsOfFiles(context, filename, recursive);
  const client = await context.connect();
  const planned: DryRunResult[] = [];
  for (const item of items) planned.push(await dryRunItem(context, client, item, { force }));
  const changed = planned.filter((each) => each.did !== 'unchanged');
  const differences = changed.map(({ item, before, object, did }) => ({
    object: item.label,
    action: did === 'created' ? 'create' : 'update',
    ...(before ? { before: presentable(before) } : {}),
    after: presentable(object),
  }));
  await writeDocument(context, 'Diff', { items: differences }, (color) =>
    changed
      .map(({ item, before, object }) =>
        renderDifference(item.label, before ? presentable(before) : undefined, presentable(object), color),
      )
      .join(''),
  );
  return changed.length === 0 ? exitCodes.ok : exitCodes.error;
}
