/** Writes the statuses of LinkedServiceAccounts, Apps and ClusterConfigs. */
import { fieldManager } from '../api/index.ts';
import {
  apiVersionOf,
  isConflict,
  isNotFound,
  type KubeClient,
  type KubeObject,
  type Resource,
} from '../kube/index.ts';
import type { WriteThroughCache } from './observed-state/write-through-cache.ts';
import { sameValue } from './same-value.ts';

/**
 * Writes the status if it differs from the status in `object`.
 *
 * The API server accepts the write only for this version of the object. It ignores the uid on the status subresource,
 * so only the version prevents a write to another object that was created under the same name meanwhile. A conflict
 * needs no retry, since the change that caused it starts another reconcile.
 *
 * @returns whether the status was written
 */
export async function reportStatus<T extends KubeObject & { readonly status?: unknown }>(
  resource: Resource,
  object: T,
  status: T['status'],
  {
    client,
    cache,
    signal,
  }: {
    readonly client: Pick<KubeClient, 'apply'>;
    readonly cache: Pick<WriteThroughCache<T>, 'wrote'>;
    readonly signal: AbortSignal;
  },
): Promise<boolean> {
  if (sameValue(object.status ?? {}, status)) return false;
  const { name, resourceVersion } = object.metadata;
  // Server-side apply of a status needs no spec, although the type of the object requires a spec.
  const applied = {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: { name, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
    status,
  } as unknown as T;
  try {
    const options = { fieldManager, force: true, subresource: 'status', signal } as const;
    cache.wrote(name, await client.apply<T>(resource, applied, options));
    return true;
  } catch (error) {
    if (isNotFound(error) || isConflict(error)) return false;
    throw error;
  }
}
