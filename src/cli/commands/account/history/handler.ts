/** Implements the `history` command for objects of any kind. */
import { recentEvents } from '../../../cluster/events.ts';
import type { KubeClient } from '../../../../kube/index.ts';
import { getObject } from '../../../cluster/objects.ts';
import type { CliContext } from '../../../framework/context.ts';
import type { Kind, KonObject } from '../../../cluster/kinds.ts';
import { ageOf } from '../../../objects/columns.ts';
import { writeList } from '../../../framework/output/answer.ts';
import type { Column } from '../../../framework/output/table.ts';
import { timeline, type Happening } from './timeline.ts';

/**
 * Maximum number of Events to read. Objects normally have fewer, because the API server keeps Events for an hour by
 * default (`--event-ttl`).
 */
const mostEvents = 1000;

export async function historyFlow<T extends KonObject>(
  context: CliContext,
  kind: Kind<T>,
  names: readonly [string, ...string[]],
): Promise<void> {
  const client = await context.connect();
  const [first, ...more] = names;
  const history = await historyOf(client, kind, first);
  const histories = [history, ...(await Promise.all(more.map((name) => historyOf(client, kind, name))))];
  const rows = histories.flatMap(({ of, items }) => items.map((item) => ({ name: of.name, ...item })));
  const isList = more.length > 0;
  const shown = columns(context.now());
  await writeList(context, {
    rows,
    columns: isList ? [{ header: kind.noun.toUpperCase(), value: (row: Row) => row.name }, ...shown] : shown,
    data: isList ? { kind: 'HistoryList', value: { items: histories } } : { kind: 'History', value: history },
  });
}

type Row = Happening & { readonly name: string };

/** Returns the value of the `History` document. */
export async function historyOf<T extends KonObject>(
  client: KubeClient,
  kind: Kind<T>,
  name: string,
): Promise<{
  readonly of: { readonly kind: string; readonly name: string };
  readonly items: readonly Happening[];
}> {
  const object = await getObject(client, kind, name);
  const items = timeline(object, await recentEvents(client, object, mostEvents));
  return { of: { kind: object.kind, name }, items };
}

const columns = (now: number): readonly Column<Happening>[] => [
  // Only wide output contains the exact time. The default output shows the age, which is easier to read.
  { header: 'TIME', value: (item) => item.time, wide: true },
  { header: 'AGE', value: (item) => ageOf(item.time, now) },
  { header: 'WHAT', value: (item) => item.kind },
  {
    header: 'REASON',
    value: (item) => item.reason,
    style: (item) => (item.warning ? 'yellow' : undefined),
  },
  { header: 'COUNT', value: (item) => String(item.count ?? 1) },
  { header: 'MESSAGE', wraps: true, value: (item) => item.message },
];
