/** `show` and `status` of one object. */
import { getObject } from '../cluster/objects.ts';
import { recentEvents, type ObjectEvent } from '../cluster/events.ts';
import type { CliContext } from '../framework/context.ts';
import { writeObject } from '../framework/output/answer.ts';
import type { Kind, KonObject } from '../cluster/kinds.ts';
import type { KubeClient } from '../../kube/index.ts';
import type { PodNotCurrent } from '../pods/not-current.ts';

export type ShowOptions = Pick<CliContext, 'now' | 'stdout'> & {
  /** Undefined where they may not be read. */
  readonly events: readonly ObjectEvent[] | undefined;
  /** Pods without their desired identity; undefined if pods may not be read. */
  readonly pods: readonly PodNotCurrent[] | undefined;
};

/** How a kind of objects is shown to people. */
export type View<T> = {
  readonly render: (object: T, options: ShowOptions) => string;
  readonly pods: (client: KubeClient, object: T) => Promise<readonly PodNotCurrent[]>;
};

const shownEvents = 10;

export async function showFlow<T extends KonObject>(
  context: CliContext,
  kind: Kind<T>,
  name: string,
  view: View<T>,
): Promise<void> {
  const client = await context.connect();
  const object = await getObject(client, kind, name);
  const { stdout, now } = context;
  await writeObject(context, object, async () =>
    view.render(object, { now, stdout, ...(await surroundings(context, client, object, view)) }),
  );
}

/** Further information about the object, as far as it may be read. */
export async function surroundings<T extends KonObject>(
  context: Pick<CliContext, 'debug'>,
  client: KubeClient,
  object: T,
  view: View<T>,
): Promise<Pick<ShowOptions, 'events' | 'pods'>> {
  const unreadable =
    (what: string) =>
    (error: unknown): undefined => {
      context.debug(`cannot read ${what}: ${String(error)}`);
    };
  const [events, pods] = await Promise.all([
    recentEvents(client, object, shownEvents).catch(unreadable('Events')),
    view.pods(client, object).catch(unreadable('Pods')),
  ]);
  return { events, pods };
}
