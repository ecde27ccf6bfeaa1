/** Runs `show` and `status`. */
import { getObject } from '../cluster/objects.ts';
import { recentEvents, type ObjectEvent } from '../cluster/events.ts';
import type { CliContext } from '../framework/context.ts';
import { writeObject, writeObjects } from '../framework/output/answer.ts';
import { isData } from '../framework/output/format.ts';
import type { Kind, KonObject } from '../cluster/kinds.ts';
import type { KubeClient } from '../../kube/index.ts';
import type { PodNotCurrent } from '../pods/not-current.ts';

export type ShowOptions = Pick<CliContext, 'now' | 'stdout'> & {
  /** Events about the object; undefined if the user is not permitted to read Events. */
  readonly events: readonly ObjectEvent[] | undefined;
  /** Pods without their desired identity; undefined if the user is not permitted to read pods. */
  readonly pods: readonly PodNotCurrent[] | undefined;
};

/** Describes how `show` presents objects of a kind. */
export type View<T> = {
  readonly render: (object: T, options: ShowOptions) => string;
  readonly pods: (client: KubeClient, object: T) => Promise<readonly PodNotCurrent[]>;
};

const shownEvents = 10;

export async function showFlow<T extends KonObject>(
  context: CliContext,
  kind: Kind<T>,
  names: readonly string[],
  view: View<T>,
): Promise<void> {
  const client = await context.connect();
  const objects = await Promise.all(names.map((name) => getObject(client, kind, name)));
  const isPage = !isData(context.format) && context.format !== 'custom-columns';
  if (objects.length > 1 && !isPage) return writeObjects(context, objects);
  for (const [index, object] of objects.entries()) {
    if (index > 0) context.stdout.write('\n\n');
    await writeObject(context, object, () => renderView(context, client, object, view));
  }
}

/** Renders the object with its Events and pods, as far as the user is permitted to read them. */
export async function renderView<T extends KonObject>(
  { debug, now, stdout }: CliContext,
  client: KubeClient,
  object: T,
  view: View<T>,
): Promise<string> {
  const unreadable =
    (what: string) =>
    (error: unknown): undefined => {
      debug(`cannot read ${what}: ${String(error)}`);
    };
  const [events, pods] = await Promise.all([
    recentEvents(client, object, shownEvents).catch(unreadable('Events')),
    view.pods(client, object).catch(unreadable('Pods')),
  ]);
  return view.render(object, { now, stdout, events, pods });
}
