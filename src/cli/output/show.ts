/** `show` and `status` of one object. */
import { getObject } from '../cluster/objects.ts';
import { recentEvents, type ObjectEvent } from '../cluster/events.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import type { Kind, KonObject } from '../kinds.ts';
import { isMachineFormat, renderObject } from './objects.ts';

export type ShowOptions = Pick<CliContext, 'now' | 'stdout'> & {
  /** Undefined where they may not be read. */
  readonly events: readonly ObjectEvent[] | undefined;
};

const shownEvents = 10;

export async function showFlow<T extends KonObject>(
  context: CliContext,
  kind: Kind<T>,
  name: string,
  render: (object: T, options: ShowOptions) => string,
): Promise<ExitCode> {
  const client = await context.connect();
  const object = await getObject(client, kind, name);
  const { format, stdout, now } = context;
  if (isMachineFormat(format)) {
    stdout.write(renderObject(object, format));
    return exitCodes.ok;
  }
  const events = await recentEvents(client, object, shownEvents).catch((error: unknown) => {
    context.debug(`Events cannot be read: ${String(error)}`);
    return undefined;
  });
  stdout.write(render(object, { now, stdout, events }));
  return exitCodes.ok;
}
