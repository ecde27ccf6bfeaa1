import type { ObjectMeta } from '../k8s/metadata.ts';

/** The fields of Kubernetes objects that this folder reads. */
export type KubeObject = { apiVersion: string; kind: string; metadata: ObjectMeta };

/** Key of an object in stores and queues: `namespace/name`, or `name` for a cluster-scoped object. */
export function keyOf(object: {
  readonly metadata: { readonly namespace?: string; readonly name: string };
}): string {
  const { namespace, name } = object.metadata;
  return namespace ? `${namespace}/${name}` : name;
}

/** Inverse of `keyOf`. Neither a namespace nor a name can contain a slash. */
export function parseKey(key: string): { namespace?: string; name: string } {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
