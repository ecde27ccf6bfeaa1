/**
 * Finalizers, which let a controller clean up before its object is deleted. Each change applies to the version that
 * was read, so that finalizers of other controllers are never lost, and to the uid, so that it never hits a new object
 * of the same name.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/finalizers/
 */
import { isConflict, isNotFound } from './errors.ts';
import type { KubeClient, RequestOptions } from './kube-client.ts';
import type { KubeObject } from './object.ts';
import type { Resource } from './resource.ts';

type Client = Pick<KubeClient, 'get' | 'patch'>;
type Options = RequestOptions & { readonly fieldManager?: string | undefined };

/** Tries after conflicts, which mean that another writer changed the object in between. */
const maxTries = 5;

export function hasFinalizer(object: KubeObject, finalizer: string): boolean {
  return object.metadata.finalizers?.includes(finalizer) ?? false;
}

/**
 * Returns the object after the change; the same reference if nothing changed. Absent if the object is deleted, or is
 * being deleted without the finalizer, when the API server accepts no new one.
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

/** Returns the object after the change; absent if it is deleted, as it usually is after its last finalizer. */
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
    // A new object of the same name.
    if (present.metadata.uid !== uid) return undefined;
  }
}
