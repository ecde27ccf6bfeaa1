/** Objects as the API server stores them, and the fields that it derives on each write. */
import type { KubeObject, Resource } from '../../../src/kube/index.ts';
import { isRecord, same } from './json.ts';
import { traitsOf } from './kinds.ts';
import { specOf, statusOf } from './schemas.ts';

export type StoredObject = KubeObject & { readonly spec?: unknown; readonly status?: unknown };

export function unversioned({ metadata, ...rest }: StoredObject): object {
  const { resourceVersion: _, generation: __, managedFields: ___, ...others } = metadata;
  return { ...rest, metadata: others };
}

export function generationOf(
  resource: Resource,
  next: StoredObject,
  before: StoredObject | undefined,
): number | undefined {
  if (!traitsOf(resource).hasGeneration) return undefined;
  if (!before) return 1;
  const wanted = ({ metadata: _, status: __, ...rest }: StoredObject): object => rest;
  const changed =
    !same(wanted(before), wanted(next)) ||
    before.metadata.deletionTimestamp !== next.metadata.deletionTimestamp;
  return (before.metadata.generation ?? 0) + (changed ? 1 : 0);
}

/** Whether a terminating object has neither finalizers nor a grace period left. */
export function isReleased(resource: Resource, { metadata, spec }: StoredObject): boolean {
  if (metadata.finalizers?.length) return false;
  if (resource.plural !== 'namespaces')
    return metadata.deletionGracePeriodSeconds === undefined || metadata.deletionGracePeriodSeconds === 0;
  return !(isRecord(spec) && Array.isArray(spec.finalizers) && spec.finalizers.length > 0);
}

/**
 * Grace period of a deleted object in seconds: 0, except for a pod on a node. The pod is removed earlier if the kubelet
 * reports the pod's end.
 */
export function graceOf(resource: Resource, { spec }: StoredObject): number {
  if (resource.plural !== 'pods' || !isRecord(spec) || spec.nodeName === undefined) return 0;
  return typeof spec.terminationGracePeriodSeconds === 'number' ? spec.terminationGracePeriodSeconds : 30;
}

type Metadata = KubeObject['metadata'];

/** Returns the metadata fields that a writer can set. */
export function chosen({
  name,
  namespace,
  labels,
  annotations,
  finalizers,
  ownerReferences,
}: Metadata): Metadata {
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(labels === undefined || Object.keys(labels).length === 0 ? {} : { labels }),
    ...(annotations === undefined || Object.keys(annotations).length === 0 ? {} : { annotations }),
    ...(finalizers === undefined || finalizers.length === 0 ? {} : { finalizers }),
    ...(ownerReferences === undefined || ownerReferences.length === 0 ? {} : { ownerReferences }),
  };
}

export function serverOwned(metadata: Metadata): Partial<Metadata> {
  const { uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  return {
    ...(uid === undefined ? {} : { uid }),
    ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    ...(deletionGracePeriodSeconds === undefined ? {} : { deletionGracePeriodSeconds }),
  };
}

/** Returns the object with its spec validated. `keepsUnknown`: keeps fields that the schema of this version lacks. */
export function withSpec(resource: Resource, object: StoredObject, keepsUnknown: boolean): StoredObject {
  return object.spec === undefined ? object : { ...object, spec: specOf(resource, object, keepsUnknown) };
}

/**
 * Returns the object after a write to the main resource: the status and the fields that the server sets stay
 * unchanged.
 */
export function withMain(
  resource: Resource,
  current: StoredObject,
  next: StoredObject,
  keepsUnknown: boolean,
): StoredObject {
  const { status: _, ...rest } = next;
  const { status } = traitsOf(resource).hasStatus ? current : next;
  return {
    // An unchanged spec is not validated again.
    ...(rest.spec === current.spec ? rest : withSpec(resource, rest, keepsUnknown)),
    ...(status === undefined ? {} : { status }),
    metadata: { ...chosen(rest.metadata), ...serverOwned(current.metadata) },
  };
}

export function withStatus(resource: Resource, current: StoredObject, status: unknown): StoredObject {
  const { status: _, ...rest } = current;
  return status === undefined ? rest : { ...rest, status: statusOf(resource, status) };
}
