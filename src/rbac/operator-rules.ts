/**
 * Rights of the operator in Kubernetes: exactly the verbs and resources that its code uses. A test runs the operator
 * and compares these rights with the API server's audit log. A server-side apply that creates an object needs `patch` and `create`.
 */
import { apiGroup, apps, clusterConfigs, crds, linkedServiceAccounts, quarantines } from '../api/index.ts';
import { attachPolicy, claimPolicy, grantPolicy, linkPolicy } from './account-admission.ts';
import { deployPolicy, usePolicy } from './app-admission.ts';

export type Rule = {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
};

/** Names of the policies and bindings that keep authors of accounts and apps from granting arbitrary permissions. */
export const grantPolicyNames: readonly string[] = [
  attachPolicy,
  grantPolicy,
  linkPolicy,
  claimPolicy,
  usePolicy,
  deployPolicy,
].map(({ metadata }) => metadata.name);

/** Name of the Lease for leader election. */
export const leaseName = 'konstellation';

/** Rights to write in namespaces. The policy `operator-confinement.k11n.dev` limits these rights to targets. */
export const targetWrites: readonly Rule[] = [
  { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['create', 'patch', 'delete'] },
  { apiGroups: [''], resources: ['serviceaccounts/token'], verbs: ['create'] },
  // The operator creates dry-run pods to see the fields that the pod identity webhook adds.
  { apiGroups: [''], resources: ['pods'], verbs: ['create'] },
  { apiGroups: [''], resources: ['pods/eviction'], verbs: ['create'] },
  { apiGroups: [''], resources: ['configmaps', 'services'], verbs: ['create', 'patch', 'delete'] },
  { apiGroups: ['apps'], resources: ['deployments'], verbs: ['create', 'patch', 'delete'] },
  // The operator sets the identity annotation on workloads with the restart label.
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
/**
 * `get` is needed because an object of another owner may have the same name, and the informers do not cache such
 * objects.
 */
const look = ['get', 'list', 'watch'];

/** Rights in the whole cluster, because any namespace can become a target at any time. */
export const operatorClusterRules: readonly Rule[] = [
  // With `get`, the operator checks that an account or app still exists before it creates an object for it. Otherwise
  // the object could remain after the account or app has been deleted.
  { apiGroups: [apiGroup], resources: [linkedServiceAccounts.plural], verbs: [...look, 'patch'] },
  { apiGroups: [apiGroup], resources: [apps.plural], verbs: look },
  // The operator has no right to create or delete a Quarantine, so a stolen token of the operator cannot end one.
  { apiGroups: [apiGroup], resources: [clusterConfigs.plural, quarantines.plural], verbs: follow },
  {
    apiGroups: [apiGroup],
    resources: [linkedServiceAccounts, apps, clusterConfigs].map(({ plural }) => `${plural}/status`),
    verbs: ['patch'],
  },
  { apiGroups: [''], resources: ['namespaces'], verbs: [...follow, 'create', 'patch'] },
  { apiGroups: [''], resources: ['serviceaccounts', 'pods'], verbs: follow },
  // A label of a node shows whether EKS Auto Mode gives Pod Identity credentials to the pods on the node. The operator
  // reads only nodes without an agent pod.
  { apiGroups: [''], resources: ['nodes'], verbs: ['get'] },
  { apiGroups: [''], resources: ['configmaps', 'services'], verbs: look },
  { apiGroups: ['apps'], resources: ['deployments'], verbs: look },
  { apiGroups: ['apps'], resources: ['statefulsets', 'daemonsets'], verbs: follow },
  { apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'], verbs: look },
  { apiGroups: ['networking.k8s.io'], resources: ['ingresses'], verbs: look },
  { apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs: look },
  // The operator watches its CRDs to detect whether they are newer than the operator.
  {
    apiGroups: ['apiextensions.k8s.io'],
    resources: ['customresourcedefinitions'],
    resourceNames: crds().map(({ metadata }) => metadata.name),
    verbs: follow,
  },
  // The operator reads the creation times of the policies that check new permissions, because these policies did not
  // check accounts that were created before them.
  {
    apiGroups: ['admissionregistration.k8s.io'],
    resources: ['validatingadmissionpolicies', 'validatingadmissionpolicybindings'],
    resourceNames: grantPolicyNames,
    verbs: follow,
  },
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
  ...targetWrites,
];

/** Rights of the operator in its own namespace. */
export const operatorNamespaceRules: readonly Rule[] = [
  // A rule with `resourceNames` cannot allow `create`.
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    resourceNames: [leaseName],
    verbs: ['get', 'update'],
  },
];
