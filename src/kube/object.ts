import type { ObjectMeta } from '../k8s/metadata.ts';

/** The part of every Kubernetes object that the runtime itself reads. */
export type KubeObject = { apiVersion: string; kind: string; metadata: ObjectMeta };

/** The key under which stores and queues know an object: `namespace/name`, or `name` when cluster-scoped. */
export function keyOf(object: {
  readonly metadata: { readonly namespace?: string; readonly name: string };
}): string {
  const { namespace, name } = object.metadata;
  return namespace ? `${namespace}/${name}` : name;
}

/** The inverse of `keyOf`. Neither a namespace nor a name can contain a slash. */
export function parseKey(key: string): { namespace?: string; name: string } {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
