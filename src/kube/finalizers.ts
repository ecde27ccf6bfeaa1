/**
 * Finalizers: how a controller gets to clean up before its object goes. Each change is bound to the version that was
 * looked at, so that no other controller's finalizer is ever lost, and to the uid, so that it never meets a namesake.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/finalizers/
 */
import { isConflict, isNotFound } from './errors.ts';
import type { KubeClient, RequestOptions } from './kube-client.ts';
import type { KubeObject } from './object.ts';
import type { Resource } from './resource.ts';

type Client = Pick<KubeClient, 'get' | 'patch'>;
type Options = RequestOptions & { readonly fieldManager?: string | undefined };

/** A conflict means that someone else changed the object meanwhile; that seldom happens many times in a row. */
const maxTries = 5;

export function hasFinalizer(object: KubeObject, finalizer: string): boolean {
  return object.metadata.finalizers?.includes(finalizer) ?? false;
}

/**
 * Returns the object as it is afterwards; the very same when there was nothing to do. Absent when the object is gone,
 * or is being deleted without the finalizer, as nobody may add one then.
 */
export async function addFinalizer<T extends KubeObject>(
  client: Client,
  resource: Resource,
  object: T,
  finalizer: string,
  options: Options = {},
): Promise<T | undefined> {
  return change(client, resource, object, options, (present) =>
    hasFinalizer(present, finalizer)
      ? 'done'
      : present.metadata.deletionTimestamp !== undefined
        ? 'impossible'
        : [...(present.metadata.finalizers ?? []), finalizer],
  );
}

/** Returns the object as it is afterwards; absent when it is gone, which it usually is after its last finalizer. */
export async function removeFinalizer<T extends KubeObject>(
  client: Client,
  resource: Resource,
  object: T,
  finalizer: string,
  options: Options = {},
): Promise<T | undefined> {
  return change(client, resource, object, options, (present) =>
    hasFinalizer(present, finalizer)
      ? (present.metadata.finalizers ?? []).filter((name) => name !== finalizer)
      : 'done',
  );
}

async function change<T extends KubeObject>(
  client: Client,
  resource: Resource,
  object: T,
  options: Options,
  decide: (present: T) => readonly string[] | 'done' | 'impossible',
): Promise<T | undefined> {
  const { namespace, name, uid } = object.metadata;
  const ref = { namespace, name };
  let present = object;
  for (let tries = 1; ; tries += 1) {
    const decision = decide(present);
    if (decision === 'done') return present;
    if (decision === 'impossible') return undefined;
    const { resourceVersion } = present.metadata;
    if (uid === undefined || resourceVersion === undefined)
      throw new TypeError(
        `the ${resource.kind} ${name} was not read from the server: it has no uid or version`,
      );
    try {
      return await client.patch<T>(
        resource,
        ref,
        { metadata: { uid, resourceVersion, finalizers: decision } },
        { type: 'merge', fieldManager: options.fieldManager, signal: options.signal },
      );
    } catch (error) {
      if (isNotFound(error)) return undefined;
      if (!isConflict(error) || tries >= maxTries) throw error;
    }
    try {
      present = await client.get<T>(resource, ref, { signal: options.signal });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
    // Deleted and made again under the same name: not the object that was meant.
    if (present.metadata.uid !== uid) return undefined;
  }
}
