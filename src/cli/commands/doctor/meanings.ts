/** Meaning of a failure of each check, and the next step, for `kon explain` and docs/errors.md. */

type Entry = {
  /** Consequence of a failure. */
  readonly meaning: string;
  readonly next: string;
};

export const checkMeanings = {
  environment: {
    meaning:
      'An environment variable redirects requests, or makes programs choose different credentials or certificates.',
    next: 'Unset or correct the variables that the check names, or open a new shell.',
  },
  kubeconfig: {
    meaning: 'No kubeconfig can be read, or its context names no cluster.',
    next: 'Choose a file with --kubeconfig FILE or $KUBECONFIG, and a context with --context NAME.',
  },
  'api-server': {
    meaning: 'The API server does not answer, or rejects your credentials.',
    next: 'Check the cluster, the VPN, the addresses that the endpoint allows, and your login (aws sso login).',
  },
  'clock-skew': {
    meaning: 'A clock is wrong: AWS rejects signatures and tokens that are more than five minutes off.',
    next: 'Start a time service (chronyd, systemd-timesyncd) on the machine with the wrong time.',
  },
  crds: {
    meaning: 'The CRDs are missing, or of another version than this kon.',
    next: 'Install them: kon crds | kubectl apply --server-side --force-conflicts -f -; if the cluster has newer CRDs, update kon.',
  },
  'kind-names': {
    meaning:
      'Another CRD uses a name of Konstellation’s CRDs, so kubectl with the short name shows or deletes the wrong objects.',
    next: 'Write full names in scripts: kubectl get apps.k11n.dev',
  },
  'operator-leads': {
    meaning:
      'No operator works on this cluster, or two operators work without coordination. Changes are not applied, and drift is not repaired.',
    next: 'Install or upgrade the operator: kon install; to run it on this machine: kon operator',
  },
  'operator-deployment': {
    meaning: 'Pods of the operator are not ready.',
    next: 'Show the cause: kubectl describe deployment -A -l app.kubernetes.io/name=konstellation',
  },
  admission: {
    meaning:
      'Admission policies are missing or not enforced: whoever may write accounts can grant any AWS permission.',
    next: 'Apply the policies of this version: kon install, or helm upgrade',
  },
  uninstalling: {
    meaning:
      'kon uninstall was interrupted, so the API server refuses new accounts, apps and ClusterConfigs.',
    next: 'Finish the uninstallation: kon uninstall; or keep Konstellation: kon install',
  },
  'cluster-config': {
    meaning:
      'The cluster has no ClusterConfig, or the ClusterConfig is not Ready, so no account takes effect.',
    next: 'Create the ClusterConfig: kon install; or read its conditions: kubectl get clusterconfigs -o yaml',
  },
  'cluster-facts': {
    meaning: 'The ClusterConfig describes another cluster: its issuer or region differs.',
    next: 'Correct the ClusterConfig: kubectl edit clusterconfigs',
  },
  targets: {
    meaning: 'The namespace of a target is missing or being deleted, so its apps and accounts wait.',
    next: 'Check why the namespace is missing or terminating: kubectl get namespaces; kon target list',
  },
  'aws-credentials': {
    meaning: 'AWS rejects your credentials, or they belong to another AWS account than the cluster’s roles.',
    next: 'Log in (aws sso login), or choose another profile: AWS_PROFILE=NAME',
  },
  'aws-clock-skew': {
    meaning: 'The clocks of AWS and this machine differ: AWS rejects signatures that are five minutes off.',
    next: 'Start a time service (chronyd, systemd-timesyncd) on this machine.',
  },
  'oidc-provider': {
    meaning: 'IAM does not know the cluster’s issuer, so STS rejects every token of its pods.',
    next: 'Create the provider: eksctl utils associate-iam-oidc-provider --cluster NAME --approve',
  },
  'oidc-thumbprint': {
    meaning: 'IAM does not trust the certificate of the cluster’s issuer.',
    next: 'Add its thumbprint: aws iam update-open-id-connect-provider-thumbprint',
  },
  issuer: {
    meaning:
      'The issuer’s keys cannot be read, or lack the API server’s signing keys, so STS rejects tokens.',
    next: 'Publish the keys again. This is needed after each change of the API server’s signing key; EKS does it automatically.',
  },
  'operator-permissions': {
    meaning: 'The operator’s IAM policy does not allow a call that the operator needs.',
    next: 'Update the policy: kon install, or apply the output of kon iam-policy',
  },
  'operator-fence': {
    meaning:
      'Nothing limits what the operator can grant: whoever obtains its AWS credentials controls the AWS account.',
    next: 'Set permissionsBoundaryArn or allowedPolicyArns in spec.aws of the ClusterConfig, then: kon install',
  },
  drift: {
    meaning: 'The operator cannot list roles, so it does not detect changes that others make in AWS.',
    next: 'Give the operator the permission that the message names: kon iam-policy',
  },
  quotas: {
    meaning: 'A quota of the AWS account is nearly used up.',
    next: 'Request a higher quota in Service Quotas, "AWS Identity and Access Management (IAM)".',
  },
  webhook: {
    meaning: 'The pod identity webhook is not registered, so new pods get no identity.',
    next: 'EKS has the webhook in every cluster. Elsewhere, install amazon-eks-pod-identity-webhook.',
  },
  'webhook-injects': {
    meaning:
      'The pod identity webhook does not respond, so new pods start without an identity and without an error.',
    next: 'Repair the webhook, then check again: kon doctor --wait 5m',
  },
  'pod-identity-agent': {
    meaning: 'A node has no Pod Identity agent, so pods on the node get no credentials.',
    next: 'Install the add-on: aws eks create-addon --cluster-name NAME --addon-name eks-pod-identity-agent',
  },
  accounts: {
    meaning: 'An account is not Ready.',
    next: 'Show the problem: kon account list --not-ready; kon account show NAME',
  },
  draining: {
    meaning:
      'Pods in a removed target have held the identity of an account for more than a day, and still have its permissions.',
    next: 'Restart or delete these pods. To list them: kon account show NAME',
  },
  pods: {
    meaning: 'Running pods hold an older identity of their account, or none.',
    next: 'Restart the workload of the pods: kubectl rollout restart deployment/NAME',
  },
  orphans: {
    meaning: 'IAM has roles of this cluster without an account.',
    next: 'List and delete the roles: kon account orphans; to adopt a role: kon account import',
  },
} as const satisfies Readonly<Record<string, Entry>>;

export type CheckId = keyof typeof checkMeanings;
