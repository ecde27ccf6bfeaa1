/** Runs `delete` for any kind: asks, deletes, and waits for the deletion. */
import { getObject, notFound } from '../cluster/objects.ts';
import { isNotFound } from '../../kube/index.ts';
import { confirm, requireConfirmation } from '../framework/confirm.ts';
import type { CliContext } from '../framework/context.ts';
import { nameOf, type Kind, type KonObject } from '../cluster/kinds.ts';
import { waitUntilDeleted } from '../framework/wait/deletion.ts';
import { resultLine, type WriteInput } from './finish.ts';

export async function deleteFlow<T extends KonObject>(
  context: CliContext,
  request: {
    readonly kind: Kind<T>;
    readonly name: string;
    readonly yes: boolean;
    /** Sentence that describes what is lost with the object. */
    readonly consequence: (object: T) => string;
    readonly write: WriteInput;
  },
): Promise<void> {
  const { kind, name, write } = request;
  const { dryRun } = write;
  const what = `deleting the ${kind.noun} "${name}"`;
  // A dry run destroys nothing, so it needs no confirmation.
  const yes = request.yes || dryRun;
  requireConfirmation(context, { yes, what });
  const client = await context.connect();
  const object = await getObject(client, kind, name);
  const question = `${request.consequence(object)}\nDelete the ${kind.noun} "${name}"?`;
  await confirm(context, { yes, what, question, declined: 'Nothing was deleted.' });
  const { uid } = object.metadata;
  try {
    // The uid limits the deletion to the object that was shown, not a new one of the same name.
    await client.delete(kind.resource, { name }, { uid, dryRun });
  } catch (error) {
    if (isNotFound(error)) throw notFound(kind, name);
    throw error;
  }
  if (dryRun) context.stderr.write(`${request.consequence(object)}\n`);
  else if (!write.noWait) await waitUntilDeleted(context, client, kind, { name, uid }, write.timeout);
  const did = write.noWait && !dryRun ? 'deletion requested' : 'deleted';
  context.stdout.write(resultLine(nameOf(kind, name), did, dryRun));
}
