/** Runs `delete` for any kind: asks once for all objects, deletes them, and waits for the deletions. */
import { unlessDenied } from '../framework/denied.ts';
import { getObject, listObjects, notFound } from '../cluster/objects.ts';
import { isNotFound } from '../../kube/index.ts';
import { confirm, requireConfirmation } from '../framework/confirm.ts';
import type { CliContext } from '../framework/context.ts';
import { appKind, nameOf, type Kind, type KonObject } from '../cluster/kinds.ts';
import { waitUntilDeleted } from '../framework/wait/deletion.ts';
import type { DeletionNotes } from './deletion-notes.ts';
import { resultLine, type WriteInput } from './finish.ts';

export async function deleteFlow<T extends KonObject>(
  context: CliContext,
  request: WriteInput & {
    readonly kind: Kind<T>;
    readonly names: readonly [string, ...string[]];
    readonly yes: boolean;
    readonly notes: DeletionNotes<T>;
  },
): Promise<void> {
  const { kind, names, dryRun } = request;
  const which = `the ${kind.noun}${names.length > 1 ? 's' : ''} ${names.map((name) => `"${name}"`).join(', ')}`;
  const what = `deleting ${which}`;
  // A dry run destroys nothing, so it needs no confirmation.
  const yes = request.yes || dryRun;
  requireConfirmation(context, { yes, what });
  const client = await context.connect();
  // All objects are read first, so that nothing is deleted if one name is wrong.
  const objects = await Promise.all(names.map((name) => getObject(client, kind, name, 'delete')));
  const apps = await unlessDenied(listObjects(client, appKind));
  const consequences = objects
    .flatMap((object) => {
      const notes = request.notes(object, apps);
      return names.length === 1
        ? notes
        : [`${kind.noun} "${object.metadata.name}":`, ...notes.map((line) => `  ${line}`)];
    })
    .join('\n');
  const question = `${consequences}\nDelete ${which}?`;
  await confirm(context, { yes, what, question, declined: 'Nothing was deleted.' });
  if (dryRun) context.stderr.write(`${consequences}\n`);
  for (const { metadata } of objects) {
    const { name, uid } = metadata;
    try {
      // The uid limits the deletion to the object that was shown, and protects a new object of the same name.
      await client.delete(kind.resource, { name }, { uid, dryRun });
    } catch (error) {
      if (isNotFound(error)) throw notFound(kind, name, 'delete');
      throw error;
    }
    if (request.noWait || dryRun)
      context.stdout.write(resultLine(nameOf(kind, name), dryRun ? 'deleted' : 'deletion requested', dryRun));
  }
  if (request.noWait || dryRun) return;
  const end = context.monotonic() + request.timeout;
  for (const { metadata } of objects) {
    const { name, uid } = metadata;
    await waitUntilDeleted(context, client, kind, { name, uid }, Math.max(end - context.monotonic(), 1000));
    context.stdout.write(resultLine(nameOf(kind, name), 'deleted', false));
  }
}
