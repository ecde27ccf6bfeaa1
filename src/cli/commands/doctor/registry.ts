/**
 * Registry of the checks of `kon doctor`, by category and in their order. The report, `kon explain` and docs/errors.md derive
 * from it. The folder checks/ contains the function of each check.
 */

type Entry<Id extends string = string> = {
  /** Statement that is true if the check passes, without a full stop. */
  readonly title: string;
  /** IDs of checks that must pass before this one runs; none by default. */
  readonly needs?: readonly Id[];
  /** Whether a failed check may pass later without intervention; false by default. */
  readonly mayPass?: boolean;
  /** Consequence of a failure. */
  readonly meaning: string;
  /** Advice after a failure. */
  readonly next: string;
};

const registry = {
  Environment: {
    environment: {
      title: 'environment variables are consistent',
      meaning:
        'An environment variable redirects requests, or makes programs choose different credentials or certificates.',
      next: 'Unset or correct the variables that the check names, or open a new shell.',
    },
  },
  Cluster: {
    kubeconfig: {
      title: 'the kubeconfig names a cluster',
      meaning: 'No kubeconfig can be read, or its context names no cluster.',
      next: 'Choose a file with --kubeconfig FILE or $KUBECONFIG, and a context with --context NAME.',
    },
    'api-server': {
      title: 'the API server answers',
      needs: ['kubeconfig'],
      mayPass: true,
      meaning: 'The API server does not answer, or rejects your credentials.',
      next: 'Check the cluster, the VPN, the addresses that the endpoint allows, and your login (aws sso login).',
    },
    'clock-skew': {
      title: 'clocks of this machine and the API server agree',
      needs: ['api-server'],
      meaning: 'A clock is wrong: AWS rejects signatures and tokens that are more than five minutes off.',
      next: 'Start a time service (chronyd, systemd-timesyncd) on the machine with the wrong time.',
    },
    crds: {
      title: 'CRDs are installed and current',
      needs: ['api-server'],
      mayPass: true,
      meaning: 'The CRDs are missing, or their version differs from the version of this kon.',
      next: 'Install the CRDs: kon crds | kubectl apply --server-side --force-conflicts -f -; if the cluster has newer CRDs, update kon.',
    },
    'kind-names': {
      title: 'no other CRD uses a name of Konstellation’s CRDs',
      needs: ['api-server'],
      meaning:
        'Another CRD has a name or short name of Konstellation’s CRDs, so kubectl with that name shows or deletes the wrong objects.',
      next: 'Write full names in scripts: kubectl get apps.k11n.dev',
    },
  },
  Operator: {
    'operator-leads': {
      title: 'an operator holds the Lease and renews it',
      needs: ['api-server'],
      mayPass: true,
      meaning:
        'No operator works on this cluster, or two operators work without coordination. Changes are not applied, and drift is not repaired.',
      next: 'Install or upgrade the operator: kon install; to run it on this machine: kon operator',
    },
    'operator-deployment': {
      title: 'operator Deployment is ready',
      needs: ['api-server'],
      mayPass: true,
      meaning: 'Pods of the operator are not ready.',
      next: 'Show the cause: kubectl describe deployment -A -l app.kubernetes.io/name=konstellation',
    },
    admission: {
      title: 'admission policies are installed, bound, current and enforced',
      needs: ['crds'],
      mayPass: true,
      meaning:
        'Admission policies are missing or not enforced: whoever may write accounts can grant any AWS permission.',
      next: 'Apply the policies of this version: kon install, or helm upgrade',
    },
    uninstalling: {
      title: 'every kon uninstall that was started has finished',
      needs: ['api-server'],
      mayPass: true,
      meaning:
        'kon uninstall was interrupted, so the API server refuses new accounts, apps and ClusterConfigs.',
      next: 'Finish the uninstallation: kon uninstall; or keep Konstellation: kon install',
    },
  },
  Configuration: {
    'cluster-config': {
      title: 'one ClusterConfig exists and is Ready',
      needs: ['crds'],
      mayPass: true,
      meaning:
        'The cluster has no ClusterConfig, or the ClusterConfig is not Ready, so no account takes effect.',
      next: 'If there is no ClusterConfig, create one: kon install; otherwise read its conditions: kubectl get clusterconfigs -o yaml',
    },
    'cluster-facts': {
      title: 'ClusterConfig matches the cluster',
      needs: ['cluster-config'],
      mayPass: true,
      meaning: 'The ClusterConfig describes another cluster: its issuer or region differs.',
      next: 'Correct the ClusterConfig: kubectl edit clusterconfigs',
    },
    targets: {
      title: 'every target has a namespace',
      needs: ['cluster-config'],
      mayPass: true,
      meaning: 'The namespace of a target is missing or being deleted, so its apps and accounts wait.',
      next: 'Check why the namespace is missing or terminating: kubectl get namespaces; kon target list',
    },
  },
  AWS: {
    'aws-credentials': {
      title: 'AWS accepts your credentials, and they belong to the cluster’s AWS account',
      meaning:
        'AWS rejects your credentials, or they belong to another AWS account than the cluster’s roles.',
      next: 'Log in (aws sso login), or choose another profile: AWS_PROFILE=NAME',
    },
    'aws-clock-skew': {
      title: 'clocks of this machine and AWS agree',
      needs: ['aws-credentials'],
      meaning: 'The clocks of AWS and this machine differ: AWS rejects signatures that are five minutes off.',
      next: 'Start a time service (chronyd, systemd-timesyncd) on this machine.',
    },
    'oidc-provider': {
      title: 'IAM has an OIDC provider for the cluster, and the provider lists the STS audience',
      needs: ['aws-credentials', 'cluster-config'],
      mayPass: true,
      meaning: 'IAM does not know the cluster’s issuer, so STS rejects every token of its pods.',
      next: 'Create the provider: eksctl utils associate-iam-oidc-provider --cluster NAME --approve',
    },
    'oidc-thumbprint': {
      title: 'IAM trusts the certificate of the issuer',
      needs: ['oidc-provider'],
      mayPass: true,
      meaning: 'IAM does not trust the certificate of the cluster’s issuer.',
      next: 'Add the thumbprint of the issuer’s certificate to the OIDC provider: aws iam update-open-id-connect-provider-thumbprint',
    },
    issuer: {
      title: "the issuer publishes the cluster's signing keys",
      needs: ['cluster-config'],
      mayPass: true,
      meaning:
        'The issuer’s key set (JWKS) cannot be read, or lacks a signing key of the API server, so STS rejects tokens.',
      next: 'Publish the keys again. This is needed after each change of the API server’s signing key; EKS does it automatically.',
    },
    'operator-permissions': {
      title: 'the operator has the IAM permissions it needs',
      needs: ['aws-credentials', 'cluster-config'],
      meaning: 'The operator’s IAM policy does not allow a call that the operator needs.',
      next: 'Update the policy: kon install, or apply the output of kon iam-policy',
    },
    'operator-fence': {
      title: 'a permissions boundary or a list of policies limits what the operator can grant',
      needs: ['crds'],
      meaning:
        'Nothing limits what the operator can grant: whoever obtains its AWS credentials controls the AWS account.',
      next: 'Set permissionsBoundaryArn or allowedPolicyArns in spec.aws of the ClusterConfig, then: kon install',
    },
    drift: {
      title: 'drift detection works',
      needs: ['cluster-config'],
      mayPass: true,
      meaning: 'The operator cannot list roles, so it does not detect changes that others make in AWS.',
      next: 'Give the operator the permission that the message names; to print the whole policy of the operator: kon iam-policy',
    },
    quotas: {
      title: 'AWS quotas have headroom',
      needs: ['cluster-config'],
      meaning: 'A quota of the AWS account is nearly used up.',
      next: 'Request a higher quota in Service Quotas, "AWS Identity and Access Management (IAM)".',
    },
  },
  Identity: {
    webhook: {
      title: 'the pod identity webhook is registered',
      needs: ['api-server'],
      mayPass: true,
      meaning: 'The pod identity webhook is not registered, so new pods get no identity.',
      next: 'EKS has the webhook in every cluster. Elsewhere, install amazon-eks-pod-identity-webhook.',
    },
    'webhook-injects': {
      title: 'the webhook gives new pods their identity',
      needs: ['webhook', 'crds'],
      mayPass: true,
      meaning:
        'The pod identity webhook does not respond, so new pods start without an identity and without an error.',
      next: 'Repair the webhook, then check again: kon doctor --wait 5m',
    },
    'pod-identity-agent': {
      title: 'nodes have the Pod Identity agent if accounts need it',
      needs: ['crds'],
      mayPass: true,
      meaning: 'A node has no Pod Identity agent, so pods on the node get no credentials.',
      next: 'Install the add-on: aws eks create-addon --cluster-name NAME --addon-name eks-pod-identity-agent',
    },
    accounts: {
      title: 'every account is Ready',
      needs: ['crds'],
      mayPass: true,
      meaning: 'An account is not Ready.',
      next: 'Show the problem: kon account list --not-ready; kon account show NAME',
    },
    draining: {
      title: 'no target waits more than a day for its pods to end',
      needs: ['crds'],
      mayPass: true,
      meaning:
        'Pods in a removed target have held the identity of an account for more than a day, and still have its permissions.',
      next: 'Delete the workloads of these pods, or scale the workloads to zero. To list the pods: kon account show NAME',
    },
    pods: {
      title: 'running pods hold the identity of their account',
      needs: ['crds'],
      mayPass: true,
      meaning: 'Running pods hold an older identity of their account, or none.',
      next: 'Restart the workload of the pods: kubectl rollout restart deployment/NAME',
    },
    orphans: {
      title: 'every IAM role of this cluster has an account',
      needs: ['aws-credentials', 'cluster-config'],
      meaning: 'IAM has roles of this cluster whose account no longer exists.',
      next: 'List and delete the roles: kon account orphans; to adopt a role: kon account import',
    },
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Entry>>>>;

type Registry = typeof registry;
type Category = keyof Registry;

/**
 * ID of a check, in kebab-case. Part of the public contract: the JSON report contains the ID, `kon explain` accepts it, and
 * docs/guides/doctor.md has an anchor with this name.
 */
export type CheckId = { [C in Category]: keyof Registry[C] }[Category];

export type RegisteredCheck = Required<Entry<CheckId>> & {
  readonly id: CheckId;
  readonly category: Category;
};

export const registeredChecks: readonly RegisteredCheck[] = Object.entries(registry).flatMap(
  ([category, entries]) =>
    Object.entries<Entry<CheckId>>(entries).map(([id, entry]) => ({
      needs: [],
      mayPass: false,
      ...entry,
      id: id as CheckId,
      category: category as Category,
    })),
);
