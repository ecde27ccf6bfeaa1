/** Match rules and CEL expressions that the operator's admission policies share. */
import {
  accountLabel,
  apiGroup,
  apiVersion,
  appLabel,
  createdAnnotation,
  managedByLabel,
  managedByValue,
  reservedTargetRule,
  roleArnAnnotation,
} from '../api/index.ts';
import { variable, type MatchRule, type NamedExpression, type Validation } from './admission-policy.ts';
import { targetWrites } from './operator-rules.ts';

export type ConfinedOperator = {
  /** `system:serviceaccount:NAMESPACE:NAME` */
  readonly username: string;
  readonly namespace: string;
};

/** Match rules for the write requests of the operator in target namespaces. */
export const targetRequests: readonly MatchRule[] = targetWrites.map(({ apiGroups, resources }) => ({
  apiGroups,
  apiVersions: ['*'],
  operations: ['CREATE', 'UPDATE', 'DELETE'],
  resources,
}));

export function isOperator(username: string): NamedExpression {
  return { name: 'is-the-operator', expression: `request.userInfo.username == '${username}'` };
}

export const reservedNamespaces = "namespaces of Kubernetes (default, kube-…) and the operator's own";

export function isReserved(name: string, operatorNamespace: string): string {
  return `${reservedTargetRule(name)} || ${name} == '${operatorNamespace}'`;
}

export function forbidden(expression: string, message: string): Validation {
  return { expression, message, reason: 'Forbidden' };
}

export function mapOf(owner: string, field: string): string {
  return `${owner}.?${field}.orValue({})`;
}

export function listOf(owner: string, field: string): string {
  return `${owner}.?${field}.orValue([])`;
}

/** CEL expression: whether two maps differ only in the given keys. */
export function changesOnly(keys: readonly string[], now: string, before: string): string {
  const free = `key in [${keys.map((key) => `'${key}'`).join(', ')}]`;
  return `${now}.all(key, ${free} || (key in ${before} && ${now}[key] == ${before}[key])) && ${before}.all(key, ${free} || key in ${now})`;
}

/**
 * CEL expression: whether the stored object belongs to an App. The controller reference decides, or the labels if the
 * object has no controller, as in `isOwnedBy` of src/workloads.
 */
const appOwns =
  `variables.ownersBefore.exists(owner, owner.?controller.orValue(false))` +
  ` ? variables.ownersBefore.exists(owner, owner.?controller.orValue(false) && owner.kind == 'App' && owner.apiVersion.startsWith('${apiGroup}/'))` +
  ` : '${appLabel}' in variables.labelsBefore && variables.labelsBefore[?'${managedByLabel}'].orValue('') == '${managedByValue}'`;

/** CEL expression for a metadata field. `object` is absent in a DELETE request, and `oldObject` in a CREATE request. */
const part = (object: 'object' | 'oldObject', field: string, empty: '{}' | '[]'): string =>
  `${object} == null ? ${empty} : ${object}.metadata.?${field}.orValue(${empty})`;

export const operatorRequest: readonly NamedExpression[] = [
  variable(
    'kind',
    "request.resource.group + '/' + request.resource.resource + (request.?subResource.orValue('') == '' ? '' : '/' + request.subResource)",
  ),
  variable('labels', part('object', 'labels', '{}')),
  variable('labelsBefore', part('oldObject', 'labels', '{}')),
  variable('annotations', part('object', 'annotations', '{}')),
  variable('annotationsBefore', part('oldObject', 'annotations', '{}')),
  variable('owners', part('object', 'ownerReferences', '[]')),
  variable('ownersBefore', part('oldObject', 'ownerReferences', '[]')),
  variable('finalizers', part('object', 'finalizers', '[]')),
  variable('finalizersBefore', part('oldObject', 'finalizers', '[]')),
  variable('isServiceAccount', "variables.kind == '/serviceaccounts'"),
  variable(
    'owned',
    `variables.isServiceAccount ? '${accountLabel}' in variables.labelsBefore : (${appOwns})`,
  ),
  variable(
    'unlinks',
    `variables.isServiceAccount && request.operation == 'UPDATE' && variables.owned && !('${accountLabel}' in variables.labels) && variables.annotations[?'${roleArnAnnotation}'].orValue('') in ['', variables.annotationsBefore[?'${roleArnAnnotation}'].orValue('')]`,
  ),
  variable(
    'cleansUp',
    `variables.unlinks || request.operation == 'DELETE' && variables.owned && (!variables.isServiceAccount || '${createdAnnotation}' in variables.annotationsBefore)`,
  ),
];

/** CEL expression: whether an owner reference names the App that the object's label names. */
export const isItsApp = `owner.kind == 'App' && owner.apiVersion == '${apiVersion}' && owner.name == variables.labels[?'${appLabel}'].orValue('')`;
