/** Waits until a deleted object no longer exists, and reports what blocks the deletion. */
import type { KubeClient, KubeObject } from '../../../kube/index.ts';
import type { CliContext } from '../context.ts';
import { missingOperator } from '../../cluster/operator-lease.ts';
import { CliError } from '../errors.ts';
import { readyOf, nameOf, type Kind, type KonObject } from '../../cluster/kinds.ts';
import { nextStepsFor } from './reasons.ts';
import { createReporter } from './reporter.ts';
import { reported, waitForObject } from './wait-for.ts';

type Holder = { readonly reason: string; readonly message: string };

/** Describes what blocks the deletion of an object. Returns undefined if the object is not being deleted. */
export function blockerOf(object: KonObject): Holder | undefined {
  const { deletionTimestamp, finalizers = [] } = object.metadata;
  if (deletionTimestamp === undefined) return undefined;
  const ready = readyOf(object);
  // Only a Ready condition with status False describes the deletion. With another status, the condition dates from
  // before the deletion.
  if (ready?.status === 'False') return { reason: ready.reason, message: ready.message };
  return {
    reason: 'Deleting',
    message: finalizers.length > 0 ? `held up by ${finalizers.join(', ')}` : 'about to be deleted',
  };
}

/**
 * @param deleted object that is being deleted; the wait ignores an object with the same name and another uid
 * @throws CliError of code NOT_DELETED when the timeout expires
 */
export async function waitUntilDeleted<T extends KonObject>(
  context: CliContext,
  client: KubeClient,
  kind: Kind<T>,
  deleted: { readonly name: string; readonly uid?: string | undefined },
  timeoutMs: number,
): Promise<void> {
  const { name, uid } = deleted;
  const reporter = createReporter(context.stderr);
  let holder: Holder = { reason: 'Deleting', message: 'deletion was requested' };
  const look = (object: (T & KubeObject) | undefined): true | undefined => {
    if (!object || object.metadata.uid !== uid) return true;
    holder = blockerOf(object) ?? holder;
    reporter.update(`${kind.noun} ${name} is being deleted`, [
      { label: 'Deletion', status: 'False', ...holder },
    ]);
    return undefined;
  };
  const late = (waited: string): CliError =>
    new CliError('NOT_DELETED', `${kind.noun} "${name}" is not deleted after ${waited}: ${holder.reason}`, {
      reason: holder.reason,
      details: [holder.message],
      next: [
        ...nextStepsFor(holder.reason, { kind, name }),
        'The deletion continues in the cluster without this command.',
      ],
    });
  const interrupted = {
    state: `the deletion of ${kind.noun} "${name}" continues in the cluster, and cannot be cancelled`,
    next: [
      `Show what blocks the deletion: ${kind.advice.show(name)}`,
      `To wait again: kubectl wait --for=delete --timeout=5m ${nameOf(kind, name)}`,
    ],
  };
  const of = { client, resource: kind.resource, name };
  try {
    await reported(reporter, waitForObject(context, of, { timeoutMs, look, late, interrupted }));
  } catch (error) {
    if (!(error instanceof CliError) || error.code !== 'NOT_DELETED') throw error;
    const missing = await missingOperator(client, context.signal);
    if (missing === undefined) throw error;
    throw new CliError(error.code, error.message, {
      details: [...error.details, missing],
      next: ['Find the reason: kon doctor', ...error.next],
      reason: error.reason,
      cause: error,
    });
  }
}
