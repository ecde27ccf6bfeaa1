/** Built-in resources that controllers commonly watch or write. */
import type { Resource } from './resource.ts';

const resource =
  (namespaced: boolean) =>
  (group: string, version: string, kind: string, plural: string): Resource => ({
    group,
    version,
    kind,
    plural,
    namespaced,
  });
const namespaced = resource(true);
const clusterScoped = resource(false);

const rbac = 'rbac.authorization.k8s.io';
const admission = 'admissionregistration.k8s.io';

export const pods = namespaced('', 'v1', 'Pod', 'pods');
export const serviceAccounts = namespaced('', 'v1', 'ServiceAccount', 'serviceaccounts');
export const services = namespaced('', 'v1', 'Service', 'services');
export const configMaps = namespaced('', 'v1', 'ConfigMap', 'configmaps');
export const secrets = namespaced('', 'v1', 'Secret', 'secrets');
export const namespaces = clusterScoped('', 'v1', 'Namespace', 'namespaces');
export const nodes = clusterScoped('', 'v1', 'Node', 'nodes');
export const deployments = namespaced('apps', 'v1', 'Deployment', 'deployments');
export const statefulSets = namespaced('apps', 'v1', 'StatefulSet', 'statefulsets');
export const daemonSets = namespaced('apps', 'v1', 'DaemonSet', 'daemonsets');
export const replicaSets = namespaced('apps', 'v1', 'ReplicaSet', 'replicasets');
export const jobs = namespaced('batch', 'v1', 'Job', 'jobs');
export const ingresses = namespaced('networking.k8s.io', 'v1', 'Ingress', 'ingresses');
export const networkPolicies = namespaced('networking.k8s.io', 'v1', 'NetworkPolicy', 'networkpolicies');
export const horizontalPodAutoscalers = namespaced(
  'autoscaling',
  'v2',
  'HorizontalPodAutoscaler',
  'horizontalpodautoscalers',
);
export const podDisruptionBudgets = namespaced('policy', 'v1', 'PodDisruptionBudget', 'poddisruptionbudgets');
export const events = namespaced('events.k8s.io', 'v1', 'Event', 'events');
export const leases = namespaced('coordination.k8s.io', 'v1', 'Lease', 'leases');
export const roles = namespaced(rbac, 'v1', 'Role', 'roles');
export const roleBindings = namespaced(rbac, 'v1', 'RoleBinding', 'rolebindings');
export const clusterRoles = clusterScoped(rbac, 'v1', 'ClusterRole', 'clusterroles');
export const clusterRoleBindings = clusterScoped(rbac, 'v1', 'ClusterRoleBinding', 'clusterrolebindings');
export const customResourceDefinitions = clusterScoped(
  'apiextensions.k8s.io',
  'v1',
  'CustomResourceDefinition',
  'customresourcedefinitions',
);
export const mutatingWebhookConfigurations = clusterScoped(
  admission,
  'v1',
  'MutatingWebhookConfiguration',
  'mutatingwebhookconfigurations',
);
export const validatingAdmissionPolicies = clusterScoped(
  admission,
  'v1',
  'ValidatingAdmissionPolicy',
  'validatingadmissionpolicies',
);
export const validatingAdmissionPolicyBindings = clusterScoped(
  admission,
  'v1',
  'ValidatingAdmissionPolicyBinding',
  'validatingadmissionpolicybindings',
);
