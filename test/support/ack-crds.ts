/**
 * CRDs of ACK's IAM Roles and EKS Pod Identity associations, reduced to the fields that define their names. Sources:
 * aws-controllers-k8s/iam-controller, helm/crds/iam.services.k8s.aws_roles.yaml, and
 * aws-controllers-k8s/eks-controller, helm/crds/eks.services.k8s.aws_podidentityassociations.yaml.
 */
const crd = (group: string, kind: string, plural: string): object => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
    versions: [
      {
        name: 'v1alpha1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
});

export const ackCrds = {
  apiVersion: 'v1',
  kind: 'List',
  items: [
    crd('iam.services.k8s.aws', 'Role', 'roles'),
    crd('eks.services.k8s.aws', 'PodIdentityAssociation', 'podidentityassociations'),
  ],
} as const;
