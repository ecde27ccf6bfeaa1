/**
 * What the operator may do in Kubernetes: what its code does, each verb on each resource. A test holds this against the
 * audit log of a run. A server-side apply that makes an object needs `patch` and `create`.
 */
import { apps, clusterConfigs, crds, linkedServiceAccounts } from '../api/index.ts';
import { attachPolicy, claimPolicy, linkPolicy } from './account-admission.ts';
import { deployPolicy, usePolicy } from './app-admission.ts';

export type Rule = {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
};

/** Names of the policies, and of their bindings, without which whoever may write accounts and apps could give any permission. */
export const grantPolicyNames: readonly string[] = [
  attachPolicy,
  linkPolicy,
  claimPolicy,
  usePolicy,
  deployPolicy,
].map(({ metadata }) => metadata.name);

/** Of the Lease by which operators take turns. */
export const leaseName = 'konstellation';

const group = linkedServiceAccounts.group;

/** In namespaces that are targets, by the policy `operator-confinement.k11n.dev`. */
export const targetWrites: readonly Rule[] = [
  { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['create', 'patch', 'delete'] },
  { apiGroups: [''], resources: ['serviceaccounts/token'], verbs: ['create'] },
  // In a dry run, which tells what the webhook would put into a pod.
  { apiGroups: [''], resources: ['pods'], verbs: ['create'] },
  { apiGroups: [''], resources: ['pods/eviction'], verbs: ['create'] },
  { apiGroups: [''], resources: ['configmaps', 'services'], verbs: ['create', 'patch', 'delete'] },
  { apiGroups: ['apps'], resources: ['deployments'], verbs: ['create', 'patch', 'delete'] },
  // The mark of a new identity, on those which ask for it by a label.
  { apiGroups: ['apps'], resources: ['statefulsets', 'daemonsets'], verbs: ['patch'] },
  {
    apiGroups: ['autoscaling'],
    resources: ['horizontalpodautoscalers'],
    verbs: ['create', 'patch', 'delete'],
  },
  { apiGroups: ['networking.k8s.io'], resources: ['ingresses'], verbs: ['create', 'patch', 'delete'] },
  { apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs: ['create', 'patch', 'delete'] },
];

const follow = ['list', 'watch'];
/** Of objects that someone else may have made under the name which is needed, so that no store has them. */
const look = ['get', 'list', 'watch'];

/** In the whole cluster: targets are namespaces that come and go. */
export const operatorClusterRules: readonly Rule[] = [
  // `get` before something is made for an account or app which only its deletion would remove.
  { apiGroups: [group], resources: [linkedServiceAccounts.plural], verbs: [...look, 'patch'] },
  { apiGroups: [group], resources: [apps.plural], verbs: look },
  { apiGroups: [group], resources: [clusterConfigs.plural], verbs: follow },
  {
    apiGroups: [group],
    resources: [linkedServiceAccounts, apps, clusterConfigs].map(({ plural }) => `${plural}/status`),
    verbs: ['patch'],
  },
  { apiGroups: [''], resources: ['namespaces'], verbs: [...follow, 'create', 'patch'] },
  { apiGroups: [''], resources: ['serviceaccounts', 'pods'], verbs: follow },
  { apiGroups: [''], resources: ['configmaps', 'services'], verbs: look },
  { apiGroups: ['apps'], resources: ['deployments'], verbs: look },
  { apiGroups: ['apps'], resources: ['statefulsets', 'daemonsets'], verbs: follow },
  { apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'], verbs: look },
  { apiGroups: ['networking.k8s.io'], resources: ['ingresses'], verbs: look },
  { apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs: look },
  // Whether the CRDs are of a later version than the operator.
  {
    apiGroups: ['apiextensions.k8s.io'],
    resources: ['customresourcedefinitions'],
    resourceNames: crds().map(({ metadata }) => metadata.name),
    verbs: follow,
  },
  // Age of the policies that guard grants: an account that is older was not admitted by them.
  {
    apiGroups: ['admissionregistration.k8s.io'],
    resources: ['validatingadmissionpolicies', 'validatingadmissionpolicybindings'],
    resourceNames: grantPolicyNames,
    verbs: follow,
  },
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
  ...targetWrites,
];

/** In its own namespace. */
export const operatorNamespaceRules: readonly Rule[] = [
  // A rule with names cannot let a new object be made.
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    resourceNames: [leaseName],
    verbs: ['get', 'update'],
  },
];
