/** `list` of any kind. */
import type { CliContext } from '../framework/context.ts';
import { exitCodes, type ExitCode } from '../framework/exit-codes.ts';
import { listObjects } from '../cluster/objects.ts';
import type { Kind, KonObject } from '../cluster/kinds.ts';
import { isMachineFormat } from '../framework/output/format.ts';
import { renderTable, type Column } from '../framework/output/table.ts';

export type WatchInput = { readonly watch: boolean; readonly outputWatchEvents: boolean };

export async function listFlow<T extends KonObject>(
  context: CliContext,
  kind: Kind<T>,
  columns: readonly Column<T>[],
  watch: WatchInput,
): Promise<ExitCode> {
  if (watch.watch || watch.outputWatchEvents) {
    const { watchListFlow } = await import('./watch.ts');
    return watchListFlow(context, kind, columns, watch.outputWatchEvents);
  }
  const objects = await listObjects(await context.connect(), kind);
  const { format, stdout, stderr } = context;
  if (isMachineFormat(format)) {
    const { renderList } = await import('../framework/output/objects.ts');
    stdout.write(renderList(objects, format));
    return exitCodes.ok;
  }
  if (objects.length === 0 && stdout.isTTY)
    stderr.write(
      `There are no ${kind.noun}s.${kind.advice.create ? ` Make one: ${kind.advice.create('NAME')}` : ''}\n`,
    );
  else stdout.write(renderTable(columns, objects, { output: stdout, wide: format === 'wide' }));
  return exitCodes.ok;
}
