/**
 * Confines the operator where RBAC cannot: RBAC rules cannot refer to namespaces by label, to the audience of a token or to parts
 * of an object. With a stolen token of the operator, an attacker can only make the kinds of changes that the operator itself makes,
 * in the targets of the ClusterConfig. `docs/guides/security.md` states the remaining risks.
 *
 * | policy                               | restricts                                                                          |
 * |--------------------------------------|------------------------------------------------------------------------------------|
 * | `operator-tokens.k11n.dev`           | audience and lifetime of the tokens that the operator requests                     |
 * | `operator-confinement.k11n.dev`      | namespaces that it writes into, and objects there that it changes or deletes       |
 * | `operator-targets.k11n.dev`          | namespaces that it writes into: only targets of the ClusterConfig                  |
 * | `operator-namespaces.k11n.dev`       | namespaces that it creates or labels: only targets of the ClusterConfig            |
 * | `operator-metadata.k11n.dev`         | its changes to Namespaces and LinkedServiceAccounts                                |
 * | `operator-workloads.k11n.dev`        | content of the workloads that it deploys                                           |
 * | `operator-service-accounts.k11n.dev` | ServiceAccounts of its Deployments: `default`, or one that is linked to an account |
 *
 * A policy with parameters fails for every user while its parameters cannot be read (see `admissionPolicy`). The policy
 * `operator-targets` matches requests of all users, so it ignores such failures. The operator remains confined then: a
 * policy without parameters confines the same requests to labelled namespaces, and a namespace gets its label only from
 * a ClusterConfig.
 */
import {
  accountFinalizer,
  apiGroup,
  apiVersion,
  linkedServiceAccounts,
  managedByLabel,
  managedByValue,
  podIdentityAudience,
  stsAudience,
  targetLabel,
} from '../api/index.ts';
import { admissionPolicy, matchRule, type AdmissionPolicy, type Validation } from './admission-policy.ts';
import {
  changesOnly,
  forbidden,
  isOperator,
  isReserved,
  listOf,
  mapOf,
  operatorRequest,
  reservedNamespaces,
  targetRequests,
  type ConfinedOperator,
} from './operator-expressions.ts';
import { confinementPolicy } from './operator-confinement.ts';
import { serviceAccountsPolicy, workloadsPolicy } from './operator-workloads.ts';

/**
 * Maximum lifetime, in seconds, of the tokens that the operator requests. The API server grants no shorter lifetime.
 * Source: TokenRequest, expirationSeconds.
 */
const longestToken = 600;

export function operatorPolicies(operator: ConfinedOperator): readonly AdmissionPolicy[] {
  const { username } = operator;
  return [
    tokenPolicy(username),
    confinementPolicy(operator),
    targetsPolicy(username),
    namespacesPolicy(username),
    metadataPolicy(operator),
    workloadsPolicy(username),
    serviceAccountsPolicy(username),
  ];
}

function tokenPolicy(username: string): AdmissionPolicy {
  return admissionPolicy('operator-tokens.k11n.dev', {
    matchConstraints: { resourceRules: [matchRule(['CREATE'], '', ['serviceaccounts/token'])] },
    matchConditions: [isOperator(username)],
    validations: [
      forbidden(
        `object.spec.audiences == ['${stsAudience}'] || (object.spec.audiences == ['${podIdentityAudience}'] && object.spec.?boundObjectRef.?kind.orValue('') == 'Pod')`,
        `the operator may request tokens only for the audience ${stsAudience}, or, if they are bound to a pod, for ${podIdentityAudience}`,
      ),
      forbidden(
        `object.spec.expirationSeconds <= ${longestToken}`,
        `the operator may request only tokens that expire within ${longestToken} seconds`,
      ),
    ],
  });
}

const isTarget = (namespace: string): string => `${namespace} in params.spec.?targets.orValue([])`;

function targetsPolicy(username: string): AdmissionPolicy {
  return admissionPolicy('operator-targets.k11n.dev', {
    failurePolicy: 'Ignore',
    paramKind: { apiVersion, kind: 'ClusterConfig' },
    matchConstraints: { resourceRules: targetRequests },
    matchConditions: [isOperator(username)],
    variables: operatorRequest,
    validations: [
      forbidden(
        `variables.cleansUp || ${isTarget('request.namespace')}`,
        'the operator may write only into namespaces that are targets of the ClusterConfig',
      ),
    ],
  });
}

/**
 * Limits the namespaces that the operator creates or labels. In all writes of the operator, the namespace has the
 * target label before or after the change, as `operator-metadata.k11n.dev` requires.
 */
function namespacesPolicy(username: string): AdmissionPolicy {
  return admissionPolicy('operator-namespaces.k11n.dev', {
    paramKind: { apiVersion, kind: 'ClusterConfig' },
    matchConstraints: {
      resourceRules: [matchRule(['CREATE', 'UPDATE'], '', ['namespaces'])],
      objectSelector: { matchExpressions: [{ key: targetLabel, operator: 'Exists' }] },
    },
    matchConditions: [isOperator(username)],
    validations: [
      forbidden(
        `!('${targetLabel}' in ${mapOf('object.metadata', 'labels')}) || ${isTarget('object.metadata.name')}`,
        'the operator may create and label only namespaces that are targets of the ClusterConfig',
      ),
    ],
  });
}

function metadataPolicy({ username, namespace }: ConfinedOperator): AdmissionPolicy {
  const accounts = `${apiGroup}/${linkedServiceAccounts.plural}`;
  const ofNamespaces = (expression: string, message: string): Validation =>
    forbidden(`variables.kind != '/namespaces' || ${expression}`, message);
  const ofAccounts = (expression: string, message: string): Validation =>
    forbidden(`variables.kind != '${accounts}' || ${expression}`, message);
  return admissionPolicy('operator-metadata.k11n.dev', {
    matchConstraints: {
      resourceRules: [
        matchRule(['CREATE', 'UPDATE'], '', ['namespaces']),
        matchRule(['CREATE', 'UPDATE'], apiGroup, [linkedServiceAccounts.plural]),
      ],
    },
    matchConditions: [isOperator(username)],
    variables: operatorRequest,
    validations: [
      ofNamespaces(
        `!(${isReserved('object.metadata.name', namespace)})`,
        `${reservedNamespaces} cannot be targets`,
      ),
      ofNamespaces(
        `(oldObject == null ? ${listOf('object.metadata', 'ownerReferences')} == [] && variables.annotations == {} && variables.finalizers == [] && variables.labels.all(key, key in ['${targetLabel}', '${managedByLabel}', 'kubernetes.io/metadata.name']) && variables.labels[?'${managedByLabel}'].orValue('${managedByValue}') == '${managedByValue}' && '${targetLabel}' in variables.labels : object.?spec == oldObject.?spec && variables.owners == variables.ownersBefore && variables.annotations == variables.annotationsBefore && variables.finalizers == variables.finalizersBefore && ${changesOnly([targetLabel], 'variables.labels', 'variables.labelsBefore')})`,
        `on a namespace, the operator may change only the label ${targetLabel}`,
      ),
      ofAccounts(
        'oldObject != null && object.spec == oldObject.spec',
        'the operator is not permitted to change the spec of an account',
      ),
      ofAccounts(
        `oldObject != null && variables.labels == variables.labelsBefore && variables.annotations == variables.annotationsBefore && variables.owners == variables.ownersBefore && variables.finalizers.filter(name, name != '${accountFinalizer}') == variables.finalizersBefore.filter(name, name != '${accountFinalizer}')`,
        `on an account, the operator may change only the status and the finalizer ${accountFinalizer}`,
      ),
    ],
  });
}
