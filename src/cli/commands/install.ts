import type { IdentityMode } from '../../api/linked-service-account.ts';
import { defineCommand } from '../command.ts';
import { usageError } from '../errors.ts';
import { waitOptions, yesOption } from './options.ts';

export const installCommand = defineCommand({
  path: ['install'],
  summary: 'Install Konstellation on the cluster of the kubeconfig, and what it needs in IAM',
  description:
    'Finds the EKS cluster, its region, AWS account and issuer; says what it will do, and asks. Then makes what is missing: the IAM OIDC provider (with PodIdentity none, but an association for the operator), a role of the operator’s own with the least rights, the CRDs, the rights and admission policies in the cluster, the ClusterConfig, and the operator. Stops at the first step that is refused; run again, it goes on there. What a ClusterConfig says already stays.',
  options: [
    {
      name: 'target',
      short: 't',
      value: 'NAME',
      repeatable: true,
      summary: 'a namespace where apps run, which is made if it is missing; repeat for more',
    },
    {
      name: 'boundary',
      value: 'ARN',
      summary: 'the managed policy that bounds every role',
      complete: 'policies',
    },
    {
      name: 'allow-policy',
      value: 'PATTERN',
      repeatable: true,
      summary: 'ARNs of policies (* and ?) that accounts may list; any when absent; repeat for more',
    },
    {
      name: 'identity-mode',
      value: 'MODE',
      choices: ['IRSA', 'PodIdentity'],
      summary: 'how pods, the operator’s too, get their role; as it is, or IRSA, when absent',
    },
    { name: 'cluster-name', value: 'NAME', summary: 'the EKS cluster, where the kubeconfig does not tell' },
    { name: 'region', value: 'REGION', summary: 'its AWS region, where the kubeconfig does not tell' },
    { name: 'self-managed', summary: 'the cluster is not of EKS; AWS can read the keys of its issuer' },
    {
      name: 'namespace',
      value: 'NAME',
      default: 'konstellation',
      summary: 'the operator’s own namespace',
    },
    {
      name: 'image',
      value: 'IMAGE',
      summary: 'the operator’s image; the published one of this version when absent',
    },
    {
      name: 'replicas',
      value: 'N',
      default: '2',
      parse: parseReplicas,
      summary: 'how many operators take turns',
    },
    { name: 'without-operator', summary: 'make no Deployment: the operator runs elsewhere' },
    { name: 'dry-run', summary: 'print everything, manifests and IAM documents, and change nothing' },
    yesOption,
    ...waitOptions,
  ],
  formats: ['yaml', 'json'],
  examples: [
    { does: 'On the current context', command: 'kon install --target production --target staging' },
    {
      does: 'With EKS Pod Identity, which needs no IAM OIDC provider',
      command: 'kon install --target production --identity-mode PodIdentity',
    },
    { does: 'For GitOps', command: 'kon install --target production --dry-run > konstellation.yaml' },
    { does: 'For Terraform', command: "kon install --dry-run -o json | jq '.iam'" },
  ],
  run: async (context, { options }) => {
    const { installFlow } = await import('../install/flow.ts');
    return installFlow(context, {
      targets: options.target,
      boundary: options.boundary,
      allowedPolicies: options.allowPolicy,
      identityMode: options.identityMode as IdentityMode | undefined,
      clusterName: options.clusterName,
      region: options.region,
      selfManaged: options.selfManaged,
      namespace: options.namespace,
      image: options.image,
      replicas: options.replicas,
      withoutOperator: options.withoutOperator,
      dryRun: options.dryRun,
      yes: options.yes,
      wait: options,
    });
  },
});

function parseReplicas(text: string): number {
  if (!/^[1-9]$/.test(text)) throw usageError(`"${text}" is not a number of operators`, 'Give 1 to 9.');
  return Number(text);
}
