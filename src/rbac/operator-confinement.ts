/**
 * In targets, the operator may write only its own objects. In other namespaces, it may only remove its objects and
 * links.
 */
import {
  accountLabel,
  appLabel,
  createdAnnotation,
  managedByLabel,
  managedByValue,
  restartLabel,
  roleArnAnnotation,
  targetLabel,
} from '../api/index.ts';
import { admissionPolicy, variable, type AdmissionPolicy } from './admission-policy.ts';
import {
  changesOnly,
  forbidden,
  isItsApp,
  isOperator,
  isReserved,
  operatorRequest,
  reservedNamespaces,
  targetRequests,
  type ConfinedOperator,
} from './operator-expressions.ts';

/** Annotation that the API server sets when the template of a DaemonSet changes. */
const templateGeneration = 'deprecated.daemonset.template.generation';

export function confinementPolicy({ username, namespace }: ConfinedOperator): AdmissionPolicy {
  return admissionPolicy('operator-confinement.k11n.dev', {
    matchConstraints: { resourceRules: targetRequests },
    matchConditions: [isOperator(username)],
    variables: [
      ...operatorRequest,
      // These requests store no object: tokens, evictions, and pods (admitted only as a dry run).
      variable('leavesNothing', "variables.kind in ['/serviceaccounts/token', '/pods/eviction', '/pods']"),
      variable(
        'restarts',
        `request.resource.group == 'apps' && request.operation == 'UPDATE' && !variables.owned && !('${appLabel}' in variables.labelsBefore) && variables.labelsBefore[?'${restartLabel}'].orValue('') == 'true'`,
      ),
      variable(
        'writesOwn',
        "request.operation != 'DELETE' && !variables.leavesNothing && !variables.restarts && !variables.isServiceAccount",
      ),
    ],
    validations: [
      forbidden(
        `variables.cleansUp || '${targetLabel}' in namespaceObject.metadata.?labels.orValue({})`,
        `the operator may write only into namespaces with the label ${targetLabel}`,
      ),
      forbidden(
        `variables.cleansUp || !(${isReserved('request.namespace', namespace)})`,
        `${reservedNamespaces} cannot be targets`,
      ),
      forbidden(
        "variables.kind != '/pods' || request.?dryRun.orValue(false)",
        'the operator may create pods only in a dry run',
      ),
      forbidden(
        "request.operation == 'CREATE' || variables.restarts || (request.operation == 'DELETE' ? variables.cleansUp : variables.owned)",
        'the operator may change and delete only objects that have the ownership labels of the operator',
      ),
      forbidden(
        `!variables.writesOwn || (variables.labels[?'${managedByLabel}'].orValue('') == '${managedByValue}' && '${appLabel}' in variables.labels && (variables.kind == '/configmaps' ? object.metadata.name.startsWith(variables.labels['${appLabel}'] + '-') : object.metadata.name == variables.labels['${appLabel}']))`,
        `the operator may write an object of an app only with the label and the name of that app`,
      ),
      forbidden(
        `!variables.writesOwn || (variables.owners.exists(owner, ${isItsApp}) && variables.owners.all(owner, owner in variables.ownersBefore || (${isItsApp})) && variables.ownersBefore.all(before, variables.owners.exists(owner, owner.uid == before.uid)))`,
        "the operator may set no owner of an object but the object's app",
      ),
      forbidden(
        "request.operation == 'DELETE' || variables.leavesNothing || variables.finalizers == variables.finalizersBefore",
        'the operator is not permitted to change finalizers of objects in a target',
      ),
      forbidden(
        `!variables.restarts || (variables.labels == variables.labelsBefore && variables.owners == variables.ownersBefore && ${changesOnly([templateGeneration], 'variables.annotations', 'variables.annotationsBefore')})`,
        'in the pod template of a workload without an app, the operator may change only the identity annotation',
      ),
      forbidden(
        `!variables.isServiceAccount || request.operation != 'CREATE' || (object.metadata.name != 'default' && variables.owners == [] && variables.labels.all(key, key in ['${managedByLabel}', '${accountLabel}']) && '${accountLabel}' in variables.labels && variables.annotations.all(key, key in ['${roleArnAnnotation}', '${createdAnnotation}']) && object.all(key, key in ['apiVersion', 'kind', 'metadata']))`,
        'the operator may create a ServiceAccount only if it is linked to an account',
      ),
      forbidden(
        `!variables.isServiceAccount || request.operation != 'UPDATE' || (variables.owners == variables.ownersBefore && ${changesOnly([accountLabel], 'variables.labels', 'variables.labelsBefore')} && variables.labels[?'${accountLabel}'].orValue('') in ['', variables.labelsBefore[?'${accountLabel}'].orValue('')] && ${changesOnly([roleArnAnnotation], 'variables.annotations', 'variables.annotationsBefore')} && ${changesOnly(['metadata'], 'object', 'oldObject')} && (object.metadata.name != 'default' || variables.unlinks))`,
        'the operator may change a ServiceAccount only to link or unlink it',
      ),
    ],
  });
}
