/**
 * A resource is what a URL of the Kubernetes API names. Kinds are data here, so that the client, informers
 * and recorders work for any custom resource without code generation.
 */

/** One kind at one version. `group` is `''` for the core group; `plural` is the URL segment, e.g. `configmaps`. */
export type Resource = {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
};

/** Names one object of a resource; `namespace` is required for namespaced resources. */
export type ObjectRef = { readonly namespace?: string | undefined; readonly name: string };

/** The `apiVersion` an object of this resource carries: `v1`, `apps/v1`. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/**
 * The URL path of a collection, or of one object when `name` is given. Every segment is escaped.
 * A namespaced resource without `namespace` addresses the collection across all namespaces.
 *
 * @throws TypeError when an object of a namespaced resource is named without its namespace, or a cluster-scoped
 *   one with a namespace: both are bugs which the server would answer with a misleading 404.
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
  if (target.name === '') throw new TypeError(`an object of ${label} was named by an empty string`);
  const segments =
    resource.group === '' ? ['api', resource.version] : ['apis', resource.group, resource.version];
  if (target.namespace) segments.push('namespaces', target.namespace);
  segments.push(resource.plural);
  if (target.name !== undefined) segments.push(target.name);
  if (target.subresource !== undefined) segments.push(target.subresource);
  return `/${segments.map((segment) => encodeURIComponent(segment)).join('/')}`;
}
