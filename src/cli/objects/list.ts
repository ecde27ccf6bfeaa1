/** Runs `list` for any kind. */
import type { CliContext } from '../framework/context.ts';
import { writeList } from '../framework/output/answer.ts';
import type { Column } from '../framework/output/table.ts';
import { listObjects, notFound } from '../cluster/objects.ts';
import type { Kind, KonObject } from '../cluster/kinds.ts';
import type { ExitCode } from '../framework/exit-codes.ts';

export type ListInput = {
  readonly watch: boolean;
  readonly outputWatchEvents: boolean;
  /** Names of the objects to list; all when empty. */
  readonly names: readonly string[];
};

export async function listFlow<T extends KonObject>(
  context: CliContext,
  kind: Kind<T>,
  columns: readonly Column<T>[],
  input: ListInput,
): Promise<ExitCode | void> {
  if (input.watch || input.outputWatchEvents) {
    const { watchListFlow } = await import('./watch.ts');
    return watchListFlow(context, kind, columns, input);
  }
  const all = await listObjects(await context.connect(), kind);
  const rows = input.names.length === 0 ? all : input.names.map((name) => named(kind, all, name));
  const empty = `There are no ${kind.noun}s.${kind.advice.create ? ` Make one: ${kind.advice.create('NAME')}` : ''}\n`;
  await writeList(context, { rows, columns, data: { object: (object) => object }, empty });
}

/** @throws CliError of code NOT_FOUND */
function named<T extends KonObject>(kind: Kind<T>, all: readonly T[], name: string): T {
  const found = all.find(({ metadata }) => metadata.name === name);
  if (!found) throw notFound(kind, name);
  return found;
}
