/**
 * Builds all objects of an installation, in the order in which they are applied. RBAC rules and admission policies come
 * from src/rbac. Pure.
 */
import {
  admissionObjects,
  isAppliedAfterCrds,
  operatorObjects as accessObjects,
  peopleRoles,
} from '../../rbac/index.ts';
import { allowDowngradeAnnotation, managedByLabel, roleArnAnnotation } from '../../api/labels.ts';
import { crds, schemaVersion } from '../../api/crds.ts';
import { rolePathFor, type ClusterConfig } from '../../api/cluster-config.ts';
import type { IdentityMode } from '../../api/linked-service-account.ts';
import { apiVersion, clusterConfigs } from '../../api/resources.ts';
import { defined } from '../../k8s/defined.ts';
import type { AskedConfig } from './config-conflicts.ts';
import type { DiscoveredCluster } from './discover.ts';
import type { KubeObject } from '../../kube/index.ts';

export type OperatorChoice = {
  readonly namespace: string;
  readonly image: string;
  readonly replicas: number;
  /**
   * ARN of the operator's role; undefined if the operator uses a Pod Identity association, because the role is then not
   * stored in the cluster.
   */
  readonly roleArn: string | undefined;
  readonly region: string;
  /** Whether the installation includes a Deployment; false if the operator runs elsewhere. */
  readonly deployment: boolean;
};

export const operatorName = 'konstellation';
/**
 * Value of `app.kubernetes.io/managed-by` on objects that an installation created, and that an uninstallation may
 * therefore remove.
 */
export const installer = 'kon';

const labels = {
  'app.kubernetes.io/name': operatorName,
  'app.kubernetes.io/part-of': operatorName,
  [managedByLabel]: installer,
};
const selector = { 'app.kubernetes.io/name': operatorName };
/** User ID in the distroless images of Node.js. Source: GoogleContainerTools/distroless, "nonroot". */
const user = 65532;
const metricsPort = 8080;

/** @param downgrade whether the CRDs get the annotation that permits them to replace CRDs of a later version */
export function crdObjects(downgrade = false): readonly KubeObject[] {
  const consent = downgrade ? { [allowDowngradeAnnotation]: `${schemaVersion}` } : {};
  return crds().map((crd) => {
    const object = crd as unknown as KubeObject;
    const annotations = { ...object.metadata.annotations, ...consent };
    return { ...object, metadata: { ...object.metadata, annotations, labels } };
  });
}

/**
 * Returns the admission policies in the order of their application, before the CRDs. The probe policy is last: once the
 * API server enforces the probe policy, it also enforces all earlier policies.
 */
export function admissionPolicyObjects(namespace: string): readonly KubeObject[] {
  return admissionObjects({ namespace, name: operatorName })
    .filter((object) => !isAppliedAfterCrds(object))
    .map((object) => labelled(object));
}

/** Returns the objects that are applied after the admission policies and the CRDs. */
export function operatorObjects(choice: OperatorChoice): readonly KubeObject[] {
  const { namespace } = choice;
  const identity = { namespace, name: operatorName };
  const annotated = (object: KubeObject): KubeObject =>
    object.kind === 'ServiceAccount' && choice.roleArn !== undefined
      ? {
          ...object,
          metadata: { ...object.metadata, annotations: { [roleArnAnnotation]: choice.roleArn } },
        }
      : object;
  const metadata = { name: operatorName, namespace, labels };
  const objects = [
    ...[
      ...admissionObjects(identity).filter(isAppliedAfterCrds),
      ...accessObjects(identity),
      ...peopleRoles,
    ].map((object) => annotated(labelled(object))),
    ...(choice.deployment ? deploymentObjects(choice, metadata) : []),
  ];
  return objects as readonly KubeObject[];
}

function labelled(object: { readonly kind: string; readonly metadata: object }): KubeObject {
  const own = 'labels' in object.metadata ? (object.metadata.labels as object) : {};
  return {
    ...object,
    metadata: { ...object.metadata, labels: { ...labels, ...own } },
  } as object as KubeObject;
}

function deploymentObjects(choice: OperatorChoice, metadata: object): readonly object[] {
  const { image, namespace, replicas, region, roleArn } = choice;
  const matchLabels = selector;
  const probe = (path: string): object => ({ httpGet: { path, port: 'metrics' } });
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas,
        selector: { matchLabels },
        template: {
          // Pods get their identity at creation. With this annotation, a change of the identity mode replaces the pods.
          metadata: {
            labels,
            ...(roleArn === undefined ? { annotations: { 'k11n.dev/identity-mode': 'PodIdentity' } } : {}),
          },
          spec: {
            serviceAccountName: operatorName,
            // Time for the operator to finish its requests after SIGTERM.
            terminationGracePeriodSeconds: 30,
            securityContext: {
              runAsNonRoot: true,
              runAsUser: user,
              runAsGroup: user,
              // The group lets the container read the token that the pod identity webhook mounts.
              fsGroup: user,
              seccompProfile: { type: 'RuntimeDefault' },
            },
            affinity: {
              podAntiAffinity: {
                preferredDuringSchedulingIgnoredDuringExecution: [
                  {
                    weight: 100,
                    podAffinityTerm: {
                      topologyKey: 'kubernetes.io/hostname',
                      labelSelector: { matchLabels },
                    },
                  },
                ],
              },
            },
            containers: [
              {
                name: 'operator',
                image,
                imagePullPolicy: 'IfNotPresent',
                args: [
                  'operator',
                  `--health-address=:${metricsPort}`,
                  `--lease-namespace=${namespace}`,
                  '--require-admission',
                  '--log-format=json',
                  '--log-level=info',
                ],
                env: [{ name: 'AWS_REGION', value: region }],
                ports: [{ name: 'metrics', containerPort: metricsPort, protocol: 'TCP' }],
                livenessProbe: { ...probe('/healthz'), initialDelaySeconds: 10, periodSeconds: 10 },
                readinessProbe: { ...probe('/readyz'), periodSeconds: 5 },
                resources: { requests: { cpu: '50m', memory: '160Mi' }, limits: { memory: '512Mi' } },
                securityContext: {
                  allowPrivilegeEscalation: false,
                  readOnlyRootFilesystem: true,
                  privileged: false,
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
      spec: { maxUnavailable: 1, selector: { matchLabels } },
    },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata,
      spec: {
        podSelector: { matchLabels },
        policyTypes: ['Ingress', 'Egress'],
        // NetworkPolicies are additive: a further policy can admit a Prometheus from another namespace.
        ingress: [{ ports: [{ port: 'metrics', protocol: 'TCP' }], from: [{ podSelector: {} }] }],
        egress: [
          { ports: ['UDP', 'TCP'].map((protocol) => ({ port: 53, protocol })) },
          // Ports of the API server and AWS. No selector can match these destinations, so the rule has no `to`.
          { ports: [443, 6443].map((port) => ({ port, protocol: 'TCP' })) },
          // At these addresses, the EKS Pod Identity agent of the node gives credentials to pods.
          {
            to: ['169.254.170.23/32', 'fd00:ec2::23/128'].map((cidr) => ({ ipBlock: { cidr } })),
            ports: [{ port: 80, protocol: 'TCP' }],
          },
        ],
      },
    },
  ];
}

/** Returns the ClusterConfig of an installation. A repeated installation leaves an existing ClusterConfig unchanged. */
export function clusterConfigObject(
  existing: ClusterConfig | undefined,
  { name, region, accountId }: Pick<DiscoveredCluster, 'name' | 'region' | 'accountId'>,
  asked: AskedConfig,
  identityMode: IdentityMode,
): KubeObject {
  const type = { apiVersion, kind: clusterConfigs.kind };
  if (existing)
    return { ...type, metadata: { name: existing.metadata.name }, spec: existing.spec } as KubeObject;
  const { allowedPolicies, tagKeys } = asked;
  return {
    ...type,
    metadata: { name, labels },
    spec: {
      targets: [...asked.targets],
      aws: {
        region,
        accountId,
        clusterName: name,
        rolePath: rolePathFor(name),
        ...(identityMode === 'IRSA' ? {} : { identityMode }),
        ...defined({ permissionsBoundaryArn: asked.boundary }),
        ...(allowedPolicies.length > 0 ? { allowedPolicyArns: [...allowedPolicies] } : {}),
        ...(tagKeys.length > 0 ? { allowedTagKeys: [...tagKeys] } : {}),
        ...(asked.allowStatements ? { allowStatements: true } : {}),
      },
    },
  } as KubeObject;
}
