/**
 * Reasons in conditions and rows of the status of LinkedServiceAccounts and ClusterConfigs, in addition to the error codes in
 * errors.ts.
 */
import { userAction } from '../../k8s/reasons.ts';

export const identityReasons = {
  Ready: 'Everything is as requested and proven.',
  InStep: 'The role in IAM is in sync.',
  CreatingRole: 'The role is being created.',
  UpdatingRole: 'The role is being synced with the spec.',
  RoleDrifted: 'The role was changed outside Konstellation and is being repaired.',
  RoleNotOwned: userAction(
    'A role with the name that this account needs exists without our ownership tags. It is left alone.',
  ),
  RoleOfAnotherCluster:
    'The role has the tags of this cluster and account, but another token issuer: a cluster of the same name owns it. It is left alone.',
  AdoptionBlocked: userAction(
    'The role is not adopted: running pods hold it and would lose their access under its new trust policy. The message names them.',
  ),
  AdoptionRefused: userAction(
    'AWS denied the adoption of the role. The message says whether the consent or a permission is missing.',
  ),
  AllAttached: 'Every listed policy is attached, and nothing else.',
  AttachingPolicies: 'Policies are being attached or detached.',
  TooManyPolicies: userAction('More policies are listed than IAM allows on one role of this AWS account.'),
  PolicyNotAllowed: userAction(
    "The ClusterConfig's allowedPolicyArns do not allow this policy. It is never attached; where it was attached before, it stays until a person consents to its detachment with the annotation that the message names.",
  ),
  WrongPartition: userAction('The policy belongs to another AWS partition than this cluster.'),
  BoundaryRequired: userAction(
    'The account has statements, and its role has no permissions boundary that limits them. They are not written: set permissionsBoundaryArn in the account or the ClusterConfig.',
  ),
  StatementsNotAllowed: userAction(
    'The account has statements, and allowStatements of the ClusterConfig does not allow them. The statements that were written before stay.',
  ),
  StatementsInvalid: userAction(
    'IAM would refuse the statements of the account, or they allow everything. The statements that were written before stay. The message names the statement.',
  ),
  InlinePoliciesFound: userAction(
    'The role has a foreign inline policy, so its pods may have more permissions than the account lists.',
  ),
  AllLinked: 'The ServiceAccount of each target is linked to the role.',
  NoTargets: 'The account has no target.',
  Linking: 'ServiceAccounts are being linked.',
  Unlinking: 'The target was removed; its link is being removed.',
  StillInUse: userAction(
    'The target was removed from the account, but running pods use its ServiceAccount. Those that hold the identity keep their access until they have ended, unless `k11n.dev/unlink-now` names the target; then the target is unlinked.',
  ),
  TargetUnknown: userAction('The ClusterConfig has no such target.'),
  TargetReserved: userAction(
    "The target is a namespace of Kubernetes (`kube-*`), `default` or the operator's own, which cannot be targets. Nothing is written there. Links of an older version keep their access until the target is removed.",
  ),
  AccountNameReserved: userAction(
    'The account is named `default`, like the ServiceAccount of all pods that name none. It is not linked anywhere.',
  ),
  NamespaceMissing: "The target's namespace does not exist.",
  NamespaceTerminating: "The target's namespace is being deleted.",
  ServiceAccountNotOwned: userAction(
    'A ServiceAccount of this name exists in the target without our label. It is left alone. To hand it over, label it k11n.dev/account=<account>.',
  ),
  ForeignAnnotation: userAction(
    'Another manager set the role annotation of the ServiceAccount. It is left alone.',
  ),
  ForeignAudience: userAction(
    'The ServiceAccount requests tokens with another audience than that of STS, which the trust policy does not allow.',
  ),
  ForeignAssociation: userAction(
    'The ServiceAccount has a foreign EKS Pod Identity association. Pods get its role regardless of the annotation. It is left alone.',
  ),
  Associating: 'The EKS Pod Identity association is being created or changed.',
  Confirming: 'Whether new pods get the identity is being confirmed.',
  SwitchingMode:
    'The target is switching its identity mode. It keeps the old link until the new one is known to work.',
  AwaitingReplacement: userAction(
    'Running pods hold an EKS Pod Identity and nothing replaces them: they belong to no app, and their workload has no restart label. The target keeps its association until they have ended.',
  ),
  ExchangeUnavailable:
    'Running pods hold an identity that they can no longer exchange for credentials. They have to be replaced.',
  AwaitingFirstPod:
    'Association and trust policy were read back, and pods can be created. Only a token of a pod can prove a Pod Identity, so the first pod proves it.',
  AgentMissing: userAction(
    'A running pod has an EKS Pod Identity but gets no credentials: it runs on AWS Fargate, or no Pod Identity agent is ready on its node. Add or repair the agent, move the pod to nodes with the agent, or set `identityMode: IRSA` for the account.',
  ),
  AllProven: "A token of each target's ServiceAccount was exchanged for credentials of its role.",
  Proving: 'The proof is in progress.',
  WaitingForPropagation:
    'IAM accepted the change, but it has not reached STS everywhere. This takes up to a minute.',
  AllCurrent: 'Every running pod holds the current identity.',
  PodsNotCurrent: 'Some running pods hold an older identity, or none.',
  PausedByFailedRollout:
    'A workload of the account switched to the new identity and does not become healthy. The others stay unchanged until it is repaired.',
  DeletionProtected: userAction(
    'The account is to be deleted, although it is protected: its CRD was deleted, or it was protected afterwards. It is kept until the label or annotation is removed.',
  ),
  ClusterChanged: userAction(
    'The account has a role that was created for another EKS cluster or AWS account than the ClusterConfig names now. Nothing is changed or deleted for the account until the ClusterConfig is restored, or the annotation `k11n.dev/abandon-roles` gives up the role.',
  ),
  Quarantining: 'A Quarantine names the account. Its roles are being cut off.',
  Quarantined: userAction(
    'A Quarantine names the account. Every session of its roles is denied, no pod gets new credentials, and nothing that uses the account is rolled out. Drift repair, edits and restarts of the operator do not undo it.',
  ),
  DenyingPods: 'A Quarantine names pods of the account. Their sessions are being denied.',
  PodsNotDenied: userAction(
    'A Quarantine names pods of the account whose sessions cannot be denied. The message gives the reason. To stop them, cut off the whole account.',
  ),
  ReplacingRole:
    'The quarantine has ended. The role is being replaced by a new one of the same name, which ends the older sessions for good.',
  OldPodsRunning: userAction(
    'The quarantine has ended, but pods from before it still run. The account stays closed until they have ended, because they would get new credentials at once.',
  ),
  OldSessionsLive: userAction(
    'The quarantine has ended, but the role was adopted and is therefore not replaced. It stays closed until no session from before the quarantine can live.',
  ),
  InUse: 'The account is to be deleted, but running pods use it.',
  Deleting: 'The role and the links are being removed.',
  NotAdmitted: userAction(
    'The account was created while the admission policies were not enforced, so the right to grant its permissions was never checked, and it has no role yet. None is created: delete the account and create it again.',
  ),
  SpecNewerThanOperator: userAction(
    'The spec has fields of a later version, unknown to this operator. It changes nothing for the account, neither in AWS nor in the cluster.',
  ),
  OperatorOutdated:
    'The CRDs are of a later version than the operator, which changes nothing in AWS or the cluster until it is upgraded. Pods keep their access.',
  ClusterConfigMissing: 'The cluster has no ClusterConfig.',
  ClusterConfigNotReady: 'The ClusterConfig is not ready.',
  ClusterConfigDuplicate: userAction('The cluster has several ClusterConfigs; the oldest is used.'),
  IssuerMismatch: userAction('The issuer in the ClusterConfig differs from that of the API server.'),
  IssuerUnknown: 'The API server does not reveal its token issuer.',
  DriftChecked: 'Roles, and associations where Pod Identity is used, are compared with AWS regularly.',
  OIDCProviderFound: 'The IAM OIDC provider exists and lists sts.amazonaws.com as a client ID.',
  AudienceMissing: 'The IAM OIDC provider does not list sts.amazonaws.com as a client ID.',
} as const;

export type IdentityReason = keyof typeof identityReasons;
