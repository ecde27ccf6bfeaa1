/** Runs `list` for any kind. */
import type { CliContext } from '../framework/context.ts';
import { writeList } from '../framework/output/answer.ts';
import type { Column } from '../framework/output/table.ts';
import { listObjects } from '../cluster/objects.ts';
import type { Kind, KonObject } from '../cluster/kinds.ts';
import type { ExitCode } from '../framework/exit-codes.ts';

export type WatchInput = { readonly watch: boolean; readonly outputWatchEvents: boolean };

export async function listFlow<T extends KonObject>(
  context: CliContext,
  kind: Kind<T>,
  columns: readonly Column<T>[],
  watch: WatchInput,
): Promise<ExitCode | void> {
  if (watch.watch || watch.outputWatchEvents) {
    const { watchListFlow } = await import('./watch.ts');
    return watchListFlow(context, kind, columns, watch.outputWatchEvents);
  }
  const rows = await listObjects(await context.connect(), kind);
  const empty = `There are no ${kind.noun}s.${kind.advice.create ? ` Make one: ${kind.advice.create('NAME')}` : ''}\n`;
  await writeList(context, { rows, columns, data: { object: (object) => object }, empty });
}
