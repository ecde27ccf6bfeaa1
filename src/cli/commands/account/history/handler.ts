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

/** High enough for all Events of an object: the API server keeps Events for an hour by default (`--event-ttl`). */
const mostEvents = 1000;

export async function historyFlow<T extends KonObject>(
  context: CliContext,
  kind: Kind<T>,
  name: string,
): Promise<void> {
  const history = await historyOf(await context.connect(), kind, name);
  await writeList(context, {
    rows: history.items,
    columns: columns(context.now()),
    data: { kind: 'History', value: history },
  });
}

/** Value of the `History` document. */
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
  // Only wide tables show the exact time; an age is easier to read on a terminal.
  { header: 'TIME', value: (item) => item.time },
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
