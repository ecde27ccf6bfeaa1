/**
 * Implements `--watch`: for one object, it repeats `show` after each change; for a list, it works as `kubectl get
 * --watch`.
 */
import { isDeepStrictEqual } from 'node:util';
import { defined } from '../../k8s/defined.ts';
import type { KubeObject } from '../../kube/index.ts';
import { notFound } from '../cluster/objects.ts';
import type { CliContext } from '../framework/context.ts';
import { CliError } from '../framework/errors.ts';
import { exitCodes, type ExitCode } from '../framework/exit-codes.ts';
import type { Kind, KonObject } from '../cluster/kinds.ts';
import { followChanges, followObject, type SetChange } from '../framework/wait/follow.ts';
import { renderEvent, renderStreamed } from '../framework/output/data.ts';
import { isData } from '../framework/output/format.ts';
import { renderView, type View } from './show.ts';
import { tableWriter, type Column } from '../framework/output/table.ts';

/**
 * @returns the exit code for an interruption; otherwise the watch ends only with an error or with the deletion of the
 * object
 */
export async function watchFlow<T extends KonObject>(
  context: CliContext,
  kind: Kind<T>,
  name: string,
  view: View<T>,
): Promise<ExitCode> {
  const client = await context.connect();
  const { format, template, stdout, signal } = context;
  let shown: T | undefined;
  const following = { clock: context, client, resource: kind.resource, signal };
  return untilInterrupted(context, followObject<T & KubeObject>(following, name), async (object) => {
    if (object === undefined) {
      if (shown === undefined) throw notFound(kind, name);
      throw new CliError('NOT_FOUND', `${kind.noun} "${name}" was deleted`);
    }
    const before = shown;
    shown = object;
    if (isData(format)) {
      // After a broken connection, the list can contain a version of the object that was already printed.
      if (before?.metadata.resourceVersion !== object.metadata.resourceVersion)
        stdout.write(renderStreamed(object, format, template));
      return;
    }
    if (before !== undefined && isSameToSee(before, object)) return;
    const text = await renderView(context, client, object, view);
    // The whole screen is cleared, because a page longer than the screen could not be overwritten in place.
    if (stdout.redraws) stdout.write(`\u001B[2J\u001B[H${text}`);
    else stdout.write(before === undefined ? text : `\n---\n\n${text}`);
  });
}

/**
 * Prints the list, then a row for each change. With `events`, each row has a column EVENT, or in JSON and YAML the form
 * `{type, object}` of the API. Without `events`, tables mark deletions, but JSON and YAML do not.
 * @returns the exit code for an interruption. Only an interruption or an error ends the watch.
 */
export async function watchListFlow<T extends KonObject>(
  context: CliContext,
  kind: Kind<T>,
  columns: readonly Column<T>[],
  input: {
    readonly events: boolean;
    readonly labelSelector: string | undefined;
    readonly keep: (object: T) => boolean;
  },
): Promise<ExitCode> {
  const { events, labelSelector, keep } = input;
  const client = await context.connect();
  const { format, template, stdout, signal } = context;
  const shown = new Map<string, T>();
  const shownColumns =
    format === 'custom-columns'
      ? (await import('../framework/output/custom-columns.ts')).customColumns(template)
      : columns;
  const table = tableWriter(changeColumns(shownColumns, events), { output: stdout, format });
  const { resource } = kind;
  const following = { clock: context, client, resource, signal, ...defined({ labelSelector }) };
  return untilInterrupted(context, followChanges<T & KubeObject>(following), (all) => {
    const changes = all.filter(({ object }) => keep(object));
    if (isData(format)) {
      for (const change of changes)
        stdout.write(
          events ? renderEvent(change, format, template) : renderStreamed(change.object, format, template),
        );
      return;
    }
    const seen = changes.filter(({ type, object }) => {
      const before = shown.get(object.metadata.name);
      if (type === 'DELETED') shown.delete(object.metadata.name);
      else shown.set(object.metadata.name, object);
      return type !== 'MODIFIED' || before === undefined || !isSameToSee(before, object);
    });
    // The header is printed with the first batch, even if the batch is empty.
    if (seen.length > 0 || changes.length === 0) stdout.write(table(seen));
  });
}

/** Shows changes until Ctrl-C, which is the ordinary end. */
async function untilInterrupted<T>(
  { signal }: CliContext,
  source: AsyncIterable<T>,
  show: (next: T) => void | Promise<void>,
): Promise<ExitCode> {
  try {
    for await (const next of source) await show(next);
  } catch (error) {
    if (!signal.aborted || error instanceof CliError) throw error;
  }
  return exitCodes.interrupted;
}

function changeColumns<T>(columns: readonly Column<T>[], events: boolean): readonly Column<SetChange<T>>[] {
  const rows = columns.map(({ header, value, short, wide, style }): Column<SetChange<T>> => ({
    header,
    // A deleted object has no state, so `Deleted` replaces its last reason.
    value: ({ type, object }) => (header === 'REASON' && type === 'DELETED' ? 'Deleted' : value(object)),
    ...(short ? { short: ({ object }) => short(object) } : {}),
    ...(wide ? { wide } : {}),
    ...(style ? { style: ({ object }) => style(object) } : {}),
  }));
  return events ? [{ header: 'EVENT', value: ({ type }) => type }, ...rows] : rows;
}

function isSameToSee(one: KonObject, other: KonObject): boolean {
  return (
    isDeepStrictEqual(one.spec, other.spec) &&
    isDeepStrictEqual(one.status, other.status) &&
    one.metadata.deletionTimestamp === other.metadata.deletionTimestamp
  );
}
