import { defineCommand } from '../../framework/command.ts';
import { usageError } from '../../framework/errors.ts';
import { operatorImage, parseImage } from '../../installation/image.ts';
import { waitOptions, yesOption, wholeNumber } from '../../framework/options.ts';

export const installCommand = defineCommand({
  description:
    'Finds the EKS cluster, its region, AWS account and issuer, prints the plan, and asks for confirmation. Then creates the missing objects: the IAM OIDC provider (with PodIdentity an association for the operator instead), the operator’s own role, the CRDs, the permissions and admission policies in the cluster, the ClusterConfig, and the operator. Stops at the first step that is refused; run the command again to continue at this step. Does not change an existing ClusterConfig. Needs a permissions boundary or allowed policies, from the options --boundary and --allow-policy or from the ClusterConfig. Without these limits, the operator’s AWS credentials control the AWS account; --unbounded accepts this risk.',
  options: {
    target: {
      short: 't',
      value: 'NAME',
      repeatable: true,
      summary: 'namespace to run apps in, created if it is missing; repeat for more',
    },
    boundary: {
      value: 'ARN',
      summary: "managed policy that is the permissions boundary of every account's role",
      complete: 'policies',
    },
    'allow-policy': {
      value: 'PATTERN',
      repeatable: true,
      summary: 'ARN pattern (* and ?) of policies that accounts may list (default: any); repeat for more',
    },
    'allow-statements': {
      summary:
        'allow accounts to have their own statements, and the quarantine of single pods; needs --boundary (default: no)',
    },
    unbounded: {
      summary:
        'accept an operator that is limited neither by a boundary nor by a list of policies: its AWS credentials can create a role with AdministratorAccess',
    },
    'tag-key': {
      value: 'KEY',
      repeatable: true,
      parse: parseTagKey,
      summary: 'key of a tag that accounts may set on their roles (default: none); repeat for more',
    },
    'identity-mode': {
      value: 'MODE',
      choices: ['IRSA', 'PodIdentity'],
      summary:
        'how pods, including the operator’s, get their role (default: as in the existing ClusterConfig, otherwise IRSA)',
    },
    'cluster-name': {
      value: 'NAME',
      summary: 'name of the EKS cluster, if the kubeconfig does not name it',
    },
    region: {
      value: 'REGION',
      summary: 'AWS region of the EKS cluster, if the kubeconfig does not name it',
    },
    'self-managed': {
      summary: 'the cluster is not an EKS cluster, but AWS can read the keys of its issuer',
    },
    namespace: {
      value: 'NAME',
      default: 'konstellation',
      summary: 'namespace of the operator',
    },
    image: {
      value: 'IMAGE',
      parse: parseImage,
      summary: `image of the operator, by tag or by digest (NAME@sha256:…) (default: ${operatorImage})`,
    },
    replicas: {
      value: 'N',
      default: '2',
      parse: wholeNumber('a number of operators', 1, 9),
      summary: 'number of operator replicas, of which one is active',
    },
    'operator-boundary': {
      value: 'ARN',
      summary: 'managed policy that is the permissions boundary of the operator’s own role',
      complete: 'policies',
    },
    'operator-role-path': {
      value: 'PATH',
      summary: 'IAM path of the operator’s own role (default: /); cannot be changed once the role exists',
    },
    'operator-role-tag': {
      value: 'KEY=VALUE',
      repeatable: true,
      parse: parseRoleTag,
      summary: 'a tag of the operator’s own role; repeat for more',
    },
    'without-operator': {
      summary: 'create no Deployment; for an operator that runs outside the cluster',
    },
    downgrade: {
      summary:
        'replace a newer version with this older one, after listing the stored fields that will be lost',
    },
    'dry-run': { summary: 'print all manifests and IAM documents, and change nothing' },
    ...yesOption,
    ...waitOptions,
  },
  returns: 'manifest',
  mutates: true,
  examples: {
    'Install with a permissions boundary for every role':
      'kon install --target production --target staging --boundary arn:aws:iam::123456789012:policy/apps',
    'Install with a list of allowed policies, and with EKS Pod Identity, which needs no IAM OIDC provider':
      "kon install --target production --allow-policy 'arn:aws:iam::aws:policy/AmazonS3*' --identity-mode PodIdentity",
    'For GitOps':
      'kon install --target production --boundary arn:aws:iam::123456789012:policy/apps --dry-run > konstellation.yaml',
    'For Terraform':
      "kon install --boundary arn:aws:iam::123456789012:policy/apps --dry-run -o json | jq '.iam'",
  },
  run: async (context, { options }) =>
    (await import('./handler.ts')).installFlow(context, {
      ...options,
      targets: options.target,
      allowedPolicies: options.allowPolicy,
      tagKeys: options.tagKey,
      demands: {
        path: options.operatorRolePath,
        permissionsBoundaryArn: options.operatorBoundary,
        tags: Object.fromEntries(options.operatorRoleTag),
      },
      identityMode: options.identityMode,
      wait: options,
    }),
});

/** @throws CliError of code USAGE */
function parseTagKey(text: string): string {
  if (!/^[^=]{1,128}$/.test(text))
    throw usageError(`"${text}" is not the key of a tag`, 'Use 1 to 128 characters.');
  return text;
}

/** @throws CliError of code USAGE */
function parseRoleTag(text: string): readonly [string, string] {
  const [, key = '', value = ''] = /^([^=]{1,128})=(.{0,256})$/s.exec(text) ?? [];
  if (key === '') throw usageError(`"${text}" is not a tag`, 'Give KEY=VALUE.');
  return [key, value];
}
