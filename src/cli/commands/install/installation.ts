/** Describes everything that `kon install` creates, and prints it for GitOps and Terraform. Pure functions. */
import { clusterConfigSpec, type ClusterConfig } from '../../../api/cluster-config.ts';
import type { IdentityMode } from '../../../api/linked-service-account.ts';
import {
  operatorPolicyOptions,
  roleArn,
  type ObservedRole,
  type OperatorPolicyOptions,
  type PolicyDocument,
} from '../../../identity/index.ts';
import type { KubeObject } from '../../../kube/index.ts';
import { asYaml, renderDocument } from '../../framework/output/data.ts';
import type { AskedConfig } from '../../installation/config-conflicts.ts';
import type { DiscoveredCluster } from '../../installation/discover.ts';
import type { OperatorAssociation } from '../../installation/operator-identity.ts';
import {
  admissionPolicyObjects,
  clusterConfigObject,
  crdObjects,
  operatorName,
  operatorObjects,
} from '../../installation/operator-objects.ts';
import { checkBoundaryArn, fencedPolicy } from '../../installation/fence.ts';
import { operatorImage } from '../../installation/image.ts';
import {
  installedTag,
  operatorPolicyName,
  operatorRole,
  roleDemands,
  type RoleDemands,
} from '../../installation/operator-role.ts';

export type InstallationChoice = AskedConfig & {
  /** Path, boundary and tags that the user's organization requires for the operator's own role. */
  readonly demands: RoleDemands;
  readonly namespace: string;
  readonly image: string | undefined;
  readonly replicas: number;
  /** Whether the operator runs outside the cluster. */
  readonly withoutOperator: boolean;
  /** Consent to replace an installed later version with the version of this `kon`. */
  readonly downgrade: boolean;
};

/** All objects that an installation creates, as data. */
export type Installation = {
  readonly cluster: DiscoveredCluster;
  /** Namespace of the operator. */
  readonly namespace: string;
  /** Identity mode of the operator. */
  readonly mode: IdentityMode;
  /** Identity mode before this installation, if running operator pods still use that mode. */
  readonly former: IdentityMode | undefined;
  readonly role: ReturnType<typeof operatorRole>;
  readonly roleArn: string;
  /** The operator's Pod Identity association. If absent, the operator uses an IAM OIDC provider. */
  readonly association: OperatorAssociation | undefined;
  readonly policyOptions: OperatorPolicyOptions;
  readonly policy: PolicyDocument;
  /**
   * Admission policies. They are created and enforced before the CRDs exist, so that no account can be written while
   * the policies are not enforced.
   */
  readonly admission: readonly KubeObject[];
  readonly crds: readonly KubeObject[];
  readonly objects: readonly KubeObject[];
  readonly config: KubeObject;
  /** Whether a ClusterConfig already exists. The installation does not change an existing one. */
  readonly existing: boolean;
};

export function describeInstallation(
  cluster: DiscoveredCluster,
  existing: ClusterConfig | undefined,
  mode: IdentityMode,
  request: InstallationChoice,
  /** The operator's role, if it exists. */
  live: ObservedRole | undefined,
  /** Identity mode of running operator pods, if it differs from `mode`. */
  former?: IdentityMode,
): Installation {
  const { namespace } = request;
  const serviceAccount = operatorName;
  checkBoundaryArn('--boundary', request.boundary);
  checkBoundaryArn('--operator-boundary', request.demands.permissionsBoundaryArn);
  const config = clusterConfigObject(existing, cluster, request, mode);
  const spec =
    existing?.spec ?? clusterConfigSpec.parse((config as KubeObject & { readonly spec?: unknown }).spec);
  const given = operatorPolicyOptions({ metadata: config.metadata, spec }, { accountId: cluster.accountId });
  if (!given) throw new Error('the AWS account is known, but the operator policy is missing');
  const policyOptions = { ...given, clusterArn: cluster.clusterArn, providerArn: cluster.providerArn };
  const demands = roleDemands(request.demands, live, policyOptions.rolePath);
  const role = operatorRole(cluster, { namespace, serviceAccount }, mode, demands, former);
  const arn = roleArn({ ...cluster, path: role.path, name: role.name });
  return {
    cluster,
    namespace,
    mode,
    former,
    role,
    roleArn: arn,
    association:
      mode === 'PodIdentity'
        ? { namespace, serviceAccount, roleArn: arn, tags: { [installedTag]: cluster.clusterArn } }
        : undefined,
    policyOptions,
    policy: fencedPolicy(policyOptions),
    admission: admissionPolicyObjects(namespace),
    crds: crdObjects(request.downgrade),
    objects: operatorObjects({
      namespace,
      image: request.image ?? operatorImage,
      replicas: request.replicas,
      roleArn: mode === 'PodIdentity' ? undefined : arn,
      region: cluster.region,
      deployment: !request.withoutOperator,
    }),
    config,
    existing: existing !== undefined,
  };
}

/** Renders the manifests for kubectl, preceded by the IAM documents as comments. */
export function renderManifests(installation: Installation): string {
  const { cluster, role, association, policy, admission, crds, objects, config } = installation;
  const comment = (text: string): string =>
    text
      .split('\n')
      .map((line) => `# ${line}`.trimEnd())
      .join('\n');
  const json = (value: unknown): string => JSON.stringify(value, undefined, 2);
  const iam = [
    `${cluster.eks ? 'EKS cluster' : 'Cluster'} ${cluster.clusterArn}`,
    '',
    ...(association
      ? []
      : [
          `IAM OIDC provider ${cluster.providerArn}`,
          json({ Url: cluster.issuer, ClientIDList: ['sts.amazonaws.com'] }),
          '',
        ]),
    `IAM role ${role.name}, path ${role.path}, ${role.permissionsBoundaryArn === undefined ? '' : `permissions boundary ${role.permissionsBoundaryArn}, `}tags ${JSON.stringify(role.tags)}; its trust policy:`,
    json(JSON.parse(role.trustPolicy)),
    '',
    `Its inline policy ${operatorPolicyName}:`,
    json(policy),
    ...(association
      ? [
          '',
          'EKS Pod Identity association; nodes need the agent (built into EKS Auto Mode, otherwise the add-on eks-pod-identity-agent):',
          json({ clusterName: cluster.name, ...association }),
        ]
      : []),
  ].join('\n');
  return `${comment(iam)}\n---\n${[...admission, ...crds, ...objects, config].map(asYaml).join('---\n')}`;
}

export function asJson(installation: Installation): string {
  const { cluster, role, association, policy, admission, crds, objects, config } = installation;
  return renderDocument(
    'Installation',
    {
      cluster,
      iam: {
        ...(association
          ? { podIdentityAssociation: { clusterName: cluster.name, ...association } }
          : {
              oidcProvider: {
                arn: cluster.providerArn,
                url: cluster.issuer,
                clientIds: ['sts.amazonaws.com'],
              },
            }),
        role: {
          name: role.name,
          path: role.path,
          permissionsBoundaryArn: role.permissionsBoundaryArn,
          tags: role.tags,
          trustPolicy: JSON.parse(role.trustPolicy) as unknown,
          policies: { [operatorPolicyName]: policy },
        },
      },
      kubernetes: [...admission, ...crds, ...objects, config],
    },
    'json',
  );
}
