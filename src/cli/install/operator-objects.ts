/** Everything that an installation puts on the cluster, in the order in which it is applied. Pure: the rules are those of src/access. */
import {
  attachPolicy,
  bindingOf,
  claimPolicy,
  confinementPolicy,
  linkPolicy,
  operatorClusterRules,
  operatorNamespaceRules,
  protectionPolicy,
  tokenPolicy,
} from '../../access/index.ts';
import { managedByLabel, roleArnAnnotation } from '../../api/labels.ts';
import { crds } from '../../api/crds.ts';
import type { ClusterConfig } from '../../api/cluster-config.ts';
import type { KubeObject } from '../../kube/index.ts';

export type OperatorChoice = {
  readonly namespace: string;
  readonly image: string;
  readonly replicas: number;
  readonly roleArn: string;
  readonly region: string;
  /** Absent: the operator runs elsewhere, and has no Deployment. */
  readonly deployment: boolean;
};

export const operatorName = 'konstellation';
/** The value of `app.kubernetes.io/managed-by` on what an installation made, which an uninstallation may take away. */
export const installer = 'kon';

const labels = {
  'app.kubernetes.io/name': operatorName,
  'app.kubernetes.io/part-of': operatorName,
  [managedByLabel]: installer,
};
const selector = { 'app.kubernetes.io/name': operatorName };
/** The one which images of Node.js without a shell have. Source: GoogleContainerTools/distroless, "nonroot". */
const user = 65532;

export function crdObjects(): readonly KubeObject[] {
  return crds().map((crd) => {
    const object = crd as unknown as KubeObject;
    return { ...object, metadata: { ...object.metadata, labels } };
  });
}

export function operatorObjects(choice: OperatorChoice): readonly KubeObject[] {
  const { namespace } = choice;
  const meta = { name: operatorName, labels };
  const inNamespace = { ...meta, namespace };
  const username = `system:serviceaccount:${namespace}:${operatorName}`;
  const subjects = [{ kind: 'ServiceAccount', name: operatorName, namespace }];
  const rbac = 'rbac.authorization.k8s.io';
  const policies = [
    attachPolicy,
    linkPolicy,
    claimPolicy,
    protectionPolicy,
    tokenPolicy(username),
    confinementPolicy({ username, namespace }),
  ];
  const labelled = (object: { readonly metadata: { readonly name: string } }): KubeObject =>
    ({ ...object, metadata: { ...object.metadata, labels } }) as unknown as KubeObject;
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } },
    {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { ...inNamespace, annotations: { [roleArnAnnotation]: choice.roleArn } },
    },
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: meta, rules: operatorClusterRules },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: meta,
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: operatorName },
      subjects,
    },
    { apiVersion: `${rbac}/v1`, kind: 'Role', metadata: inNamespace, rules: operatorNamespaceRules },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: inNamespace,
      roleRef: { apiGroup: rbac, kind: 'Role', name: operatorName },
      subjects,
    },
    ...policies.flatMap((policy) => [labelled(policy), labelled(bindingOf(policy))]),
    ...(choice.deployment ? deploymentObjects(choice, inNamespace) : []),
  ];
  return objects as readonly KubeObject[];
}

function deploymentObjects({ image, replicas, region }: OperatorChoice, metadata: object): readonly object[] {
  const probe = (path: string): object => ({ httpGet: { path, port: 'health' } });
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas,
        selector: { matchLabels: selector },
        template: {
          metadata: { labels },
          spec: {
            serviceAccountName: operatorName,
            securityContext: {
              runAsNonRoot: true,
              runAsUser: user,
              fsGroup: user,
              seccompProfile: { type: 'RuntimeDefault' },
            },
            containers: [
              {
                name: 'operator',
                image,
                args: ['operator', '--health-address=0.0.0.0:8080', '--log-format=json'],
                env: [{ name: 'AWS_REGION', value: region }],
                ports: [{ name: 'health', containerPort: 8080 }],
                livenessProbe: probe('/healthz'),
                readinessProbe: probe('/readyz'),
                resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } },
                securityContext: {
                  allowPrivilegeEscalation: false,
                  readOnlyRootFilesystem: true,
                  capabilities: { drop: ['ALL'] },
                },
              },
            ],
          },
        },
      },
    },
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata,
      spec: { maxUnavailable: 1, selector: { matchLabels: selector } },
    },
  ];
}

/** What there is of it stays as a person has it: an installation made again changes no configuration. */
export function clusterConfigObject(
  existing: ClusterConfig | undefined,
  of: {
    readonly name: string;
    readonly region: string;
    readonly accountId: string;
    readonly targets: readonly string[];
    readonly permissionsBoundaryArn: string | undefined;
    readonly allowedPolicyArns: readonly string[];
  },
): KubeObject {
  const { apiVersion, kind } = { apiVersion: 'k11n.dev/v1alpha1', kind: 'ClusterConfig' };
  if (existing)
    return {
      apiVersion,
      kind,
      metadata: { name: existing.metadata.name },
      spec: existing.spec,
    } as KubeObject;
  return {
    apiVersion,
    kind,
    metadata: { name: of.name, labels },
    spec: {
      targets: [...of.targets],
      aws: {
        region: of.region,
        accountId: of.accountId,
        clusterName: of.name,
        ...(of.permissionsBoundaryArn === undefined
          ? {}
          : { permissionsBoundaryArn: of.permissionsBoundaryArn }),
        ...(of.allowedPolicyArns.length > 0 ? { allowedPolicyArns: [...of.allowedPolicyArns] } : {}),
      },
    },
  } as KubeObject;
}
