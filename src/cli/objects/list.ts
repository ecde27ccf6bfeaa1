/** Runs `list` for any kind. */
import type { CliContext } from '../framework/context.ts';
import { writeList } from '../framework/output/answer.ts';
import type { Column } from '../framework/output/table.ts';
import { usageError } from '../framework/errors.ts';
import type { SelectionOptions } from './selection.ts';
import { listObjects, notFound } from '../cluster/objects.ts';
import type { Kind, KonObject } from '../cluster/kinds.ts';
import type { ExitCode } from '../framework/exit-codes.ts';

export type ListInput = SelectionOptions & {
  readonly watch: boolean;
  readonly outputWatchEvents: boolean;
  /** Names of the objects to list; if empty, all objects. */
  readonly names: readonly string[];
  /** Label selector. */
  readonly selector: string | undefined;
  readonly sortBy: string | undefined;
};

/** Filter that only one of the `list` commands has, in addition to the common filters. */
export type ListFilter<T> = {
  readonly keep: (object: T) => boolean;
  /** Returns the sentences about the filter that are written to stderr. Called after the filter was applied. */
  readonly notes: () => readonly string[];
};

export async function listFlow<T extends KonObject>(
  context: CliContext,
  kind: Kind<T>,
  columns: readonly Column<T>[],
  input: ListInput,
  filter?: ListFilter<T>,
): Promise<ExitCode | void> {
  const { names, selector, sortBy } = input;
  const isFiltered =
    input.notReady || [input.target, input.policy ?? [], input.account ?? []].some((each) => each.length > 0);
  // The file is loaded only when needed, because a plain list has to start fast.
  const selection = isFiltered || sortBy !== undefined ? await import('./selection.ts') : undefined;
  const keep = (object: T): boolean => !isFiltered || (selection?.isSelected(object, input) ?? true);
  if (input.watch || input.outputWatchEvents) {
    if (sortBy !== undefined) throw usageError('--sort-by cannot be combined with --watch', 'Give either.');
    const { watchListFlow } = await import('./watch.ts');
    return watchListFlow(context, kind, columns, {
      events: input.outputWatchEvents,
      labelSelector: selector,
      keep: (object) => keep(object) && (names.length === 0 || names.includes(object.metadata.name)),
    });
  }
  const all = await listObjects(await context.connect(), kind, selector);
  const named = names.length === 0 ? all : names.map((name) => namedIn(kind, all, name));
  const kept = named.filter((object) => keep(object) && (filter?.keep(object) ?? true));
  const rows = sortBy === undefined || !selection ? kept : selection.sorted(kept, sortBy, columns);
  const create = kind.advice.create ? ` Create one: ${kind.advice.create('NAME')}` : '';
  const empty =
    all.length > 0 || selector !== undefined
      ? `No ${kind.noun} matches.\n`
      : `There are no ${kind.noun}s.${create}\n`;
  await writeList(context, { rows, columns, data: { object: (object) => object }, empty });
  for (const note of filter?.notes() ?? []) context.stderr.write(`${note}\n`);
}

/** @throws CliError of code NOT_FOUND */
function namedIn<T extends KonObject>(kind: Kind<T>, all: readonly T[], name: string): T {
  const found = all.find(({ metadata }) => metadata.name === name);
  if (!found) throw notFound(kind, name);
  return found;
}
