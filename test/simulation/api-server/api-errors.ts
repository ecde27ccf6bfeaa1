/** Errors of the API server, with the codes, reasons and causes of a real one. */
import { KubeApiError, type KubeObject, type Resource, type StatusCause } from '../../../src/kube/index.ts';
import { titleOf } from './kinds.ts';

export function notFound(title: string, name: string): KubeApiError {
  return new KubeApiError({ code: 404, reason: 'NotFound', message: `${title} "${name}" not found` });
}

export function conflict(resource: Resource, { metadata }: KubeObject, why: string): KubeApiError {
  const message = `Operation cannot be fulfilled on ${titleOf(resource)} "${metadata.name}": ${why}`;
  return new KubeApiError({ code: 409, reason: 'Conflict', message });
}

export function invalid(
  resource: Resource,
  { metadata }: KubeObject,
  causes: readonly StatusCause[],
): KubeApiError {
  const said = causes.map(({ field, message }) => `${field}: ${message}`).join(', ');
  return new KubeApiError({
    code: 422,
    reason: 'Invalid',
    message: `${resource.kind} "${metadata.name}" is invalid: ${said}`,
    details: { causes },
  });
}

export function unconditional(resource: Resource, object: KubeObject): KubeApiError {
  return invalid(resource, object, [
    { field: 'metadata.resourceVersion', message: 'Invalid value: 0: must be specified for an update' },
  ]);
}

export function alreadyExists(resource: Resource, { metadata }: KubeObject): KubeApiError {
  const prefix = metadata.deletionTimestamp === undefined ? '' : 'object is being deleted: ';
  const message = `${prefix}${titleOf(resource)} "${metadata.name}" already exists`;
  return new KubeApiError({ code: 409, reason: 'AlreadyExists', message });
}

export function namespaceTerminating(resource: Resource, namespace: string, name: string): KubeApiError {
  return new KubeApiError({
    code: 403,
    reason: 'Forbidden',
    message: `${titleOf(resource)} "${name}" is forbidden: unable to create new content in namespace ${namespace} because it is being terminated`,
    details: {
      causes: [
        {
          reason: 'NamespaceTerminating',
          message: `namespace ${namespace} is being terminated`,
          field: 'metadata.namespace',
        },
      ],
    },
  });
}

/** Error of a server-side apply without `force` to fields that other managers own. */
export function applyConflict(
  conflicts: readonly { readonly manager: string; readonly field: string }[],
): KubeApiError {
  const fields = conflicts.map(({ manager, field }) => `conflict with "${manager}": ${field}`).join(', ');
  return new KubeApiError({
    code: 409,
    reason: 'Conflict',
    message: `Apply failed with ${conflicts.length} conflict${conflicts.length === 1 ? '' : 's'}: ${fields}`,
    details: {
      causes: conflicts.map(({ manager, field }) => ({
        reason: 'FieldManagerConflict',
        message: `conflict with "${manager}"`,
        field,
      })),
    },
  });
}
