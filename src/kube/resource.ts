/**
 * Resources of the Kubernetes API and their URLs. A resource is a value here, not a type, so that the client, informers and
 * recorders support any custom resource without code generation.
 */

/**
 * One kind in one API version. `group` is `''` for the core group. `plural` is the URL segment, for example
 * `configmaps`.
 */
export type Resource = {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
};

/** Name of an object; `namespace` is required for namespaced resources. */
export type ObjectRef = { readonly namespace?: string | undefined; readonly name: string };

/** `apiVersion` of objects of this resource: `v1`, `apps/v1`. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/**
 * URL path of one object, or of a collection if `name` is absent. Every segment is escaped. Without `namespace`, the
 * collection of a namespaced resource spans all namespaces.
 *
 * @throws TypeError if a namespaced object has no namespace, or a cluster-scoped object has one, since the server would
 *   respond with a misleading 404
 */
export function resourcePath(
  resource: Resource,
  target: {
    namespace?: string | undefined;
    name?: string | undefined;
    subresource?: string | undefined;
  } = {},
): string {
  const label = `${resource.plural}.${resource.group || 'core'}`;
  if (!resource.namespaced && target.namespace !== undefined)
    throw new TypeError(`${label} is cluster-scoped, but the namespace "${target.namespace}" was given`);
  if (resource.namespaced && target.name !== undefined && !target.namespace)
    throw new TypeError(`${label} is namespaced, but no namespace was given for "${target.name}"`);
  if (target.name === '') throw new TypeError(`the name of an object of ${label} is empty`);
  const segments =
    resource.group === '' ? ['api', resource.version] : ['apis', resource.group, resource.version];
  if (target.namespace) segments.push('namespaces', target.namespace);
  segments.push(resource.plural);
  if (target.name !== undefined) segments.push(target.name);
  if (target.subresource !== undefined) segments.push(target.subresource);
  return `/${segments.map((segment) => encodeURIComponent(segment)).join('/')}`;
}
