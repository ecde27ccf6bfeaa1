/** `kon app pods`: lists the pods of apps, and the identity of each pod. */
import { appKind } from '../../../cluster/kinds.ts';
import { getObject, listObjects } from '../../../cluster/objects.ts';
import type { CliContext } from '../../../framework/context.ts';
import { writeList } from '../../../framework/output/answer.ts';
import { sorted } from '../../../objects/selection.ts';
import { podsOfApp, podsOfApps } from '../../../pods/list-pods.ts';
import { isNotCurrent, podColumns } from '../../../pods/rows.ts';

export async function appPodsFlow(
  context: CliContext,
  request: {
    /** App names. Empty for all apps. */
    readonly names: readonly string[];
    readonly target: readonly string[];
    readonly notCurrent: boolean;
    readonly sortBy: string | undefined;
  },
): Promise<void> {
  const { names, target, notCurrent, sortBy } = request;
  const client = await context.connect();
  const pods =
    names.length === 0
      ? await podsOfApps(context, client, await listObjects(client, appKind), target)
      : (
          await Promise.all(
            names.map(async (name) => podsOfApp(client, await getObject(client, appKind, name), target)),
          )
        ).flat();
  const kept = notCurrent ? pods.filter(isNotCurrent) : pods;
  const columns = podColumns(context.now());
  const rows = sortBy === undefined ? kept : sorted(kept, sortBy, columns, ({ pod }) => pod);
  const [only] = names;
  const empty = notCurrent
    ? 'Every pod holds the identity of its account.\n'
    : names.length === 1
      ? `${only} has no pods. Find the reason: kon app status ${only}\n`
      : 'There are no pods. Find the reason: kon status\n';
  await writeList(context, { rows, columns, data: { object: ({ pod }) => pod }, empty });
}
