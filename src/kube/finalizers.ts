/**
 * Finalizers, which let a controller clean up before its object is deleted. Each change has two preconditions. The
 * resourceVersion that was read ensures that no finalizer of another controller is lost. The uid ensures that a new
 * object of the same name is never changed.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/finalizers/
 */
import { isConflict, isNotFound } from './errors.ts';
import type { KubeClient, RequestOptions } from './kube-client.ts';
import type { KubeObject } from './object.ts';
import type { Resource } from './resource.ts';

type Client = Pick<KubeClient, 'get' | 'patch'>;
type Options = RequestOptions & { readonly fieldManager?: string | undefined };

/**
 * Maximum number of tries to write one change. A try fails with a conflict if another client has changed the object
 * since it was read.
 */
const maxTries = 5;

export function hasFinalizer(object: KubeObject, finalizer: string): boolean {
  return object.metadata.finalizers?.includes(finalizer) ?? false;
}

/**
 * Returns the object after the change, or the same reference if nothing changed. Returns undefined if the object no
 * longer exists, or if it is being deleted without the finalizer: the API server accepts no new finalizers for a
 * terminating object.
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

/**
 * Returns the object after the change. Returns undefined if the object no longer exists, which is usual after the last
 * finalizer was removed.
 */
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
      throw new TypeError(`the ${resource.kind} ${name} has no uid or resourceVersion`);
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
    // If the uid differs, `present` is a new object of the same name.
    if (present.metadata.uid !== uid) return undefined;
  }
}
