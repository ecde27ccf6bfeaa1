/**
 * The operator may deploy only workloads that it renders from an App. Server-side apply keeps fields of other managers,
 * so the policy admits fields that have the same value in the old object.
 */
import { appLabel, identityAnnotation } from '../api/index.ts';
import { admissionPolicy, matchRule, variable, type AdmissionPolicy } from './admission-policy.ts';
import { changesOnly, forbidden, isOperator, listOf, operatorRequest } from './operator-expressions.ts';

/** Kinds of volumes that give no access to the node or to other apps. */
const volumes = ['configMap', 'downwardAPI', 'emptyDir', 'projected', 'secret'];

const quoted = (values: readonly string[]): string => `[${values.map((value) => `'${value}'`).join(', ')}]`;

const mapIn = (owner: string, ...path: readonly string[]): string =>
  `${owner}${path.map((field) => `.?${field}`).join('')}.orValue({})`;

/**
 * CEL expression: whether a security context sets none of the fields that are forbidden for pods and containers.
 * Source: Pod Security Standards, "baseline".
 */
const isHarmless = (context: string): string =>
  `!('seLinuxOptions' in ${context}) && !('windowsOptions' in ${context}) && ${context}.?seccompProfile.?type.orValue('') != 'Unconfined' && ${context}.?appArmorProfile.?type.orValue('') != 'Unconfined'`;

const containersOf = (pod: string): string =>
  `${pod}.?containers.orValue([]) + ${listOf(pod, 'initContainers')}`;

/** CEL expression: whether a field of a container has the same value as before the request. */
const wasSo = (field: string): string =>
  `variables.containersBefore.exists(before, before.name == container.name && before[?'${field}'].orValue(null) == container[?'${field}'].orValue(null))`;

export function workloadsPolicy(username: string): AdmissionPolicy {
  const ofDeployments = (expression: string, message: string): ReturnType<typeof forbidden> =>
    forbidden(`variables.kind != 'apps/deployments' || ${expression}`, message);
  const context = mapIn('variables.pod', 'securityContext');
  const containerContext = mapIn('container', 'securityContext');
  return admissionPolicy('operator-workloads.k11n.dev', {
    matchConstraints: {
      resourceRules: [
        matchRule(['CREATE', 'UPDATE'], 'apps', ['deployments', 'statefulsets', 'daemonsets']),
        matchRule(['CREATE', 'UPDATE'], '', ['services']),
        matchRule(['CREATE', 'UPDATE'], 'autoscaling', ['horizontalpodautoscalers']),
        matchRule(['CREATE', 'UPDATE'], 'policy', ['poddisruptionbudgets']),
      ],
    },
    matchConditions: [isOperator(username)],
    variables: [
      ...operatorRequest,
      variable('selector', `{'${appLabel}': variables.labels[?'${appLabel}'].orValue('')}`),
      variable('pod', mapIn('object.spec', 'template', 'spec')),
      variable('podBefore', `oldObject == null ? {} : ${mapIn('oldObject.spec', 'template', 'spec')}`),
      variable('containers', containersOf('variables.pod')),
      variable('containersBefore', containersOf('variables.podBefore')),
      variable('template', mapIn('object.spec', 'template', 'metadata')),
      variable(
        'templateBefore',
        `oldObject == null ? {} : ${mapIn('oldObject.spec', 'template', 'metadata')}`,
      ),
    ],
    validations: [
      forbidden(
        `request.resource.group != 'apps' || variables.kind == 'apps/deployments' && (oldObject == null || variables.owned) || (oldObject != null && ${changesOnly(['template'], 'object.spec', 'oldObject.spec')} && variables.pod == variables.podBefore && ${changesOnly(['annotations'], 'variables.template', 'variables.templateBefore')} && ${changesOnly([identityAnnotation], mapIn('variables.template', 'annotations'), mapIn('variables.templateBefore', 'annotations'))})`,
        `in the pod template of a workload without an app, the operator may change only the annotation ${identityAnnotation}`,
      ),
      ofDeployments(
        `['hostNetwork', 'hostPID', 'hostIPC'].all(field, !variables.pod[?field].orValue(false) || variables.podBefore[?field].orValue(false))`,
        'the operator is not permitted to deploy pods that use namespaces of the node (hostNetwork, hostPID, hostIPC)',
      ),
      ofDeployments(
        `${listOf('variables.pod', 'volumes')}.all(volume, ${quoted(volumes)}.exists(kind, kind in volume) || volume in ${listOf('variables.podBefore', 'volumes')})`,
        `the operator may deploy pods only with volumes of these types: ${volumes.join(', ')}`,
      ),
      ofDeployments(
        `variables.containers.all(container, (!${containerContext}.?privileged.orValue(false) && ${containerContext}.?allowPrivilegeEscalation.orValue(true) == false && ${containerContext}.?capabilities.?add.orValue([]) == [] && ${containerContext}.?procMount.orValue('Default') == 'Default' && ${isHarmless(containerContext)}) || ${wasSo('securityContext')})`,
        'the operator is not permitted to deploy containers that are privileged, add capabilities or weaken the security context',
      ),
      ofDeployments(
        `${context} == ${mapIn('variables.podBefore', 'securityContext')} || (${context}.?sysctls.orValue([]) == [] && ${isHarmless(context)})`,
        'the operator is not permitted to deploy pods with a weakened security context',
      ),
      ofDeployments(
        `variables.containers.all(container, ${listOf('container', 'ports')}.all(port, port.?hostPort.orValue(0) == 0) || ${wasSo('ports')})`,
        'the operator is not permitted to deploy pods with ports of the node (hostPort)',
      ),
      ofDeployments(
        `['nodeName', 'priorityClassName', 'resourceClaims'].all(field, !(field in variables.pod) || variables.pod[field] == variables.podBefore[?field].orValue(null))`,
        'the operator is not permitted to choose the node, the priority or the devices of pods',
      ),
      ofDeployments(
        'object.spec.selector.?matchLabels.orValue({}) == variables.selector || oldObject != null',
        'a Deployment that the operator writes must select exactly the pods of its app',
      ),
      forbidden(
        `variables.kind != '/services' || (object.spec.?type.orValue('ClusterIP') == 'ClusterIP' && ${listOf('object.spec', 'externalIPs')} == (oldObject == null ? [] : ${listOf('oldObject.spec', 'externalIPs')}) && object.spec.?selector.orValue({}) == variables.selector)`,
        'a Service that the operator writes must have the type ClusterIP and no external IPs, and must select the pods of its app',
      ),
      forbidden(
        `variables.kind != 'autoscaling/horizontalpodautoscalers' || (object.spec.scaleTargetRef.kind == 'Deployment' && object.spec.scaleTargetRef.name == object.metadata.name)`,
        'a HorizontalPodAutoscaler that the operator writes must scale the Deployment of its app',
      ),
      forbidden(
        `variables.kind != 'policy/poddisruptionbudgets' || object.spec.?selector.?matchLabels.orValue({}) == variables.selector`,
        'a PodDisruptionBudget that the operator writes must select the pods of its app',
      ),
    ],
  });
}

/**
 * Refuses Deployments whose ServiceAccount is not linked to an account. The policy does not compare the linked account
 * with the account that the App names. With 300 Apps, that comparison took the API server 200 ms for each write of an
 * App's Deployment, and some writes immediately after an edit of the App were refused, because the policy still saw the
 * older App.
 */
export function serviceAccountsPolicy(username: string): AdmissionPolicy {
  const account = "object.spec.template.spec.?serviceAccountName.orValue('default')";
  return admissionPolicy('operator-service-accounts.k11n.dev', {
    paramKind: { apiVersion: 'v1', kind: 'ServiceAccount' },
    matchConstraints: {
      resourceRules: [matchRule(['CREATE', 'UPDATE'], 'apps', ['deployments'])],
      objectSelector: { matchExpressions: [{ key: appLabel, operator: 'Exists' }] },
    },
    matchConditions: [
      isOperator(username),
      {
        name: 'changes-the-service-account',
        expression: `${account} != 'default' && (oldObject == null || ${account} != oldObject.spec.template.spec.?serviceAccountName.orValue('default'))`,
      },
    ],
    validations: [
      forbidden(
        `params.metadata.name != ${account}`,
        'the operator may deploy an app only with a ServiceAccount that is linked to an account',
      ),
    ],
  });
}
