/** `--watch` of one object: the same as `show`, again after each change. */
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../../kube/index.ts';
import { notFound } from '../cluster/objects.ts';
import type { CliContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import type { Kind, KonObject } from '../kinds.ts';
import { followObject } from '../wait/follow.ts';
import { isMachineFormat, renderObject, type MachineFormat } from './objects.ts';
import { surroundings, type View } from './show.ts';

/** @returns the exit code of an interruption: nothing else ends it but an error, or the object's deletion */
export async function watchFlow<T extends KonObject>(
  context: CliContext,
  kind: Kind<T>,
  name: string,
  view: View<T>,
): Promise<ExitCode> {
  const client = await context.connect();
  const { format, stdout, now, signal } = context;
  let shown: T | undefined;
  try {
    for await (const object of followObject<T & KubeObject>(client, kind.resource, name, signal)) {
      if (object === undefined) {
        if (shown === undefined) throw notFound(kind, name);
        throw new CliError('NOT_FOUND', `the ${kind.noun} "${name}" was deleted`);
      }
      if (isMachineFormat(format)) {
        // A watch that begins anew tells what was told already.
        if (shown?.metadata.resourceVersion === object.metadata.resourceVersion) continue;
        stdout.write(renderDocument(object, format));
        shown = object;
        continue;
      }
      if (shown !== undefined && isSameToSee(shown, object)) continue;
      const isFirst = shown === undefined;
      shown = object;
      const text = view.render(object, {
        now,
        stdout,
        ...(await surroundings(context, client, object, view)),
      });
      // The whole screen: what is to be shown may be longer than it, and could then not be found again.
      if (stdout.redraws) stdout.write(`\u001B[2J\u001B[H${text}`);
      else stdout.write(isFirst ? text : `\n---\n\n${text}`);
    }
  } catch (error) {
    if (signal.aborted && !(error instanceof CliError)) return exitCodes.interrupted;
    throw error;
  }
  return exitCodes.interrupted;
}

function isSameToSee(one: KonObject, other: KonObject): boolean {
  return (
    isDeepStrictEqual(one.spec, other.spec) &&
    isDeepStrictEqual(one.status, other.status) &&
    one.metadata.deletionTimestamp === other.metadata.deletionTimestamp
  );
}

/** Documents that a program can tell apart while they come: JSON on one line each. */
function renderDocument(object: KonObject, format: MachineFormat): string {
  if (format === 'json') return `${JSON.stringify(JSON.parse(renderObject(object, 'json')))}\n`;
  return format === 'yaml' ? `---\n${renderObject(object, 'yaml')}` : renderObject(object, format);
}
