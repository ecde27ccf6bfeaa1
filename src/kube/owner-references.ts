/**
 * Owner references, which make the garbage collector delete an object along with its owner.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/owners-dependents/
 */
import type { KubeObject } from './object.ts';
import type { OwnerReference } from '../k8s/metadata.ts';

/**
 * Reference that makes `owner` the controller of `dependent`.
 *
 * @throws TypeError for an owner without uid, and for one that the garbage collector would not find and whose
 *   dependents it would delete: a namespaced owner of an object in another namespace, or of a cluster-scoped one
 */
export function controllerReference(
  owner: KubeObject,
  dependent: { readonly metadata: { readonly namespace?: string | undefined } },
): OwnerReference {
  const { apiVersion, kind, metadata } = owner;
  if (metadata.uid === undefined)
    throw new TypeError(`the ${kind} ${metadata.name} cannot be an owner: it has no uid`);
  if (metadata.namespace !== undefined && metadata.namespace !== dependent.metadata.namespace)
    throw new TypeError(
      `the ${kind} ${metadata.name} of the namespace ${metadata.namespace} cannot own an object in ${dependent.metadata.namespace ?? 'no namespace'}`,
    );
  return {
    apiVersion,
    kind,
    name: metadata.name,
    uid: metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** Compares uids: an object that was recreated under the same name is not the owner. */
export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return owner.metadata.uid !== undefined && controllerOf(object)?.uid === owner.metadata.uid;
}

/** The owner that manages the object, if any. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find(({ controller }) => controller === true);
}
