/** Waits until a deleted object is gone, and says what holds it. */
import { isUnreachable, type KubeClient, type KubeObject } from '../../kube/index.ts';
import type { CliContext } from '../context.ts';
import { formatDuration } from '../duration.ts';
import { CliError } from '../errors.ts';
import { readyOf } from '../conditions.ts';
import type { Kind, KonObject } from '../kinds.ts';
import { followObject } from './follow.ts';
import { nextStepsFor } from './reasons.ts';
import { createReporter } from './reporter.ts';

type Holder = { readonly reason: string; readonly message: string };

/** What keeps an object that is being deleted; undefined when it is not being deleted. */
export function holderOf(object: KonObject): Holder | undefined {
  const { deletionTimestamp, finalizers = [] } = object.metadata;
  if (deletionTimestamp === undefined) return undefined;
  const ready = readyOf(object);
  // What was said before the deletion tells nothing about it.
  if (ready?.status === 'False') return { reason: ready.reason, message: ready.message };
  return {
    reason: 'Deleting',
    message: finalizers.length > 0 ? `it is held by ${finalizers.join(', ')}` : 'it is about to go',
  };
}

/**
 * @param uid of the object whose deletion was asked for; another one of the same name is not waited for
 * @throws CliError of code NOT_DELETED when the time is over
 */
export async function waitUntilGone<T extends KonObject>(
  context: CliContext,
  client: KubeClient,
  kind: Kind<T>,
  deleted: { readonly name: string; readonly uid: string | undefined },
  timeoutMs: number,
): Promise<void> {
  const { name, uid } = deleted;
  const reporter = createReporter(context.stderr);
  const timeout = AbortSignal.timeout(timeoutMs);
  let holder: Holder = { reason: 'Deleting', message: 'its deletion was asked for' };
  try {
    const signal = AbortSignal.any([context.signal, timeout]);
    for await (const object of followObject<T & KubeObject>(client, kind.resource, name, signal)) {
      if (!object || object.metadata.uid !== uid) return;
      holder = holderOf(object) ?? holder;
      reporter.update(`${kind.noun} ${name} is being deleted`, [
        { label: 'Deletion', status: 'False', ...holder },
      ]);
    }
  } catch (error) {
    if (timeout.aborted && !context.signal.aborted && !(error instanceof CliError) && !isUnreachable(error))
      throw new CliError(
        'NOT_DELETED',
        `the ${kind.noun} "${name}" is still there after ${formatDuration(timeoutMs)}: ${holder.reason}`,
        {
          details: [holder.message],
          next: [
            ...nextStepsFor(holder.reason, { kind, name }),
            'It is deleted as soon as nothing holds it, whether someone waits for it or not.',
          ],
        },
      );
    throw error;
  } finally {
    reporter.end();
  }
}
