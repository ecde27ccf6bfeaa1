/** Creates the missing namespaces of targets, and adds the target label to existing namespaces. */
import { fieldManager, managedByLabel, managedByValue, targetLabel } from '../../api/index.ts';
import { resources } from '../../kube/index.ts';
import type { OperatorContext } from '../context.ts';

/**
 * Writes each namespace separately, so that one failure stops neither the other writes nor the status.
 * @returns whether all namespaces were written
 */
export async function applyNamespaces(
  targets: readonly string[],
  context: OperatorContext,
  signal: AbortSignal,
): Promise<boolean> {
  let applied = true;
  for (const target of targets) {
    try {
      await applyNamespace(target, context, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      applied = false;
      context.logger.warn('could not write the namespace of a target', { target, error });
    }
  }
  return applied;
}

/** Applies the namespace of a target. A namespace that others created gets only the target label. */
async function applyNamespace(
  target: string,
  { client, informers }: OperatorContext,
  signal: AbortSignal,
): Promise<void> {
  const existing = informers.namespaces.store.get(target);
  // A namespace that the operator created must keep its managed-by label. A server-side apply without this label would
  // remove the label.
  const isOurs = !existing || existing.metadata.labels?.[managedByLabel] === managedByValue;
  const labels = { [targetLabel]: target, ...(isOurs ? { [managedByLabel]: managedByValue } : {}) };
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: target, labels } };
  await client.apply(resources.namespaces, namespace, { fieldManager, signal });
}
