/** `kon account history`: lists the Events, condition transitions and writers of accounts. */
import { recentEvents } from '../../../cluster/events.ts';
import type { KubeClient } from '../../../../kube/index.ts';
import { getObject } from '../../../cluster/objects.ts';
import type { CliContext } from '../../../framework/context.ts';
import { accountKind } from '../../../cluster/kinds.ts';
import { ageOf } from '../../../objects/columns.ts';
import { oneOrList, writeList } from '../../../framework/output/answer.ts';
import type { Column } from '../../../framework/output/table.ts';
import { timeline, type Happening } from './timeline.ts';

/**
 * Maximum number of Events to read. Objects normally have fewer, because the API server keeps Events for an hour by
 * default (`--event-ttl`).
 */
const mostEvents = 1000;

export async function historyFlow(context: CliContext, names: readonly string[]): Promise<void> {
  const client = await context.connect();
  // All accounts are read at once. If several are missing, the error names the first of them in the order of `names`.
  const reads = await Promise.allSettled(names.map((name) => historyOf(client, name)));
  const histories = reads.map((read) => {
    if (read.status === 'rejected') throw read.reason;
    return read.value;
  });
  const rows = histories.flatMap(({ of, items }) => items.map((item) => ({ name: of.name, ...item })));
  const shown = columns(context.now());
  await writeList(context, {
    rows,
    columns: names.length > 1 ? [{ header: 'ACCOUNT', value: (row: Row) => row.name }, ...shown] : shown,
    data: oneOrList('History', histories),
  });
}

type Row = Happening & { readonly name: string };

/** Returns the value of the `History` document. */
export async function historyOf(
  client: KubeClient,
  name: string,
): Promise<{
  readonly of: { readonly kind: string; readonly name: string };
  readonly items: readonly Happening[];
}> {
  const account = await getObject(client, accountKind, name);
  const items = timeline(account, await recentEvents(client, account, mostEvents));
  return { of: { kind: account.kind, name }, items };
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
