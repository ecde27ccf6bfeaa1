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
    'A role with the name that this account needs already exists, and its tags do not name this account as the owner. The operator does not change the role.',
  ),
  RoleOfAnotherCluster:
    'The role has the tags of this cluster and account, but another token issuer: another cluster of the same name owns the role. The operator does not change the role.',
  AdoptionBlocked: userAction(
    'The role is not adopted, because running pods hold it and would lose their access under its new trust policy. The message names these pods.',
  ),
  AdoptionRefused: userAction(
    'AWS denied the adoption of the role. The message says what is missing: the tag on the role that consents to the adoption, or an IAM permission of the operator.',
  ),
  AllAttached: 'Exactly the policies that the account lists are attached to the role.',
  AttachingPolicies: 'Policies are being attached or detached.',
  TooManyPolicies: userAction('More policies are listed than IAM allows on one role of this AWS account.'),
  PolicyNotAllowed: userAction(
    "The ClusterConfig's allowedPolicyArns do not allow this policy. The operator never attaches the policy. If the policy was attached before, it stays attached until a person consents to its detachment with the annotation that the message names.",
  ),
  WrongPartition: userAction('The policy belongs to another AWS partition than this cluster.'),
  BoundaryRequired: userAction(
    'The account has statements, but its role has no permissions boundary that limits them. The statements are not written. Set permissionsBoundaryArn in the account or the ClusterConfig.',
  ),
  StatementsNotAllowed: userAction(
    'The account has statements, but the ClusterConfig does not allow statements (allowStatements). Statements that the operator has already written stay on the role.',
  ),
  StatementsInvalid: userAction(
    'The account has invalid statements: IAM would refuse them, or they allow everything. The message names the statement. Statements that the operator has already written stay on the role.',
  ),
  InlinePoliciesFound: userAction(
    'The role has a foreign inline policy, so its pods may have more permissions than the account lists.',
  ),
  AllLinked: 'The ServiceAccount of each target is linked to the role.',
  NoTargets: 'The account has no target.',
  Linking: 'ServiceAccounts are being linked.',
  Unlinking: 'The target was removed from the account, and its link is being removed.',
  StillInUse: userAction(
    'The target was removed from the account, but running pods use its ServiceAccount. The target is unlinked when these pods have ended. Until then, pods that hold the identity keep their access, unless the annotation `k11n.dev/unlink-now` names the target.',
  ),
  TargetUnknown: userAction('The account names a target that the ClusterConfig does not have.'),
  TargetReserved: userAction(
    "The target is a namespace that cannot be a target: `kube-*`, `default` or the operator's own namespace. The operator writes nothing to this namespace. Pods that an older version linked there keep their access until the target is removed.",
  ),
  AccountNameReserved: userAction(
    'The account is named `default`, like the ServiceAccount of every pod that names no ServiceAccount. Such an account is not linked in any target.',
  ),
  NamespaceMissing: "The target's namespace does not exist.",
  NamespaceTerminating: "The target's namespace is being deleted.",
  ServiceAccountNotOwned: userAction(
    'The target has a ServiceAccount of this name that does not belong to the account. The operator does not change it. To hand the ServiceAccount over, label it k11n.dev/account=<account>.',
  ),
  ForeignAnnotation: userAction(
    'Another manager set the role annotation of the ServiceAccount. The operator does not change the annotation.',
  ),
  ForeignAudience: userAction(
    'An annotation of the ServiceAccount requests tokens for an audience other than STS. The trust policy does not allow such tokens.',
  ),
  ForeignAssociation: userAction(
    'The ServiceAccount has a foreign EKS Pod Identity association. Pods get the role of the association regardless of the annotation. The operator does not change the association.',
  ),
  Associating: 'The EKS Pod Identity association is being created or changed.',
  Confirming: 'The operator is confirming that new pods get the identity.',
  SwitchingMode:
    'The target is switching its identity mode. It keeps the old link until the new one is known to work.',
  AwaitingReplacement: userAction(
    'Running pods hold an EKS Pod Identity and nothing replaces them: they belong to no app, and their workload has no restart label. The target keeps its association until these pods have ended.',
  ),
  ExchangeUnavailable:
    'Running pods hold an identity that they can no longer exchange for credentials. These pods have to be replaced.',
  AwaitingFirstPod:
    'The operator has confirmed the association and the trust policy, so pods can be created. Only the token of a pod can prove a Pod Identity, so the first pod that runs will prove the identity.',
  AgentMissing: userAction(
    'A running pod has an EKS Pod Identity but gets no credentials: it runs on AWS Fargate, or no Pod Identity agent is ready on its node. Add or repair the agent, move the pod to nodes with the agent, or set `identityMode: IRSA` for the account.',
  ),
  AllProven: "A token of each target's ServiceAccount was exchanged for credentials of its role.",
  Proving: 'The proof is in progress.',
  WaitingForPropagation:
    'IAM accepted a change of the role, but the change has not reached STS or EKS everywhere. Propagation takes up to a minute.',
  AllCurrent: 'Every running pod holds the current identity.',
  PodsNotCurrent: 'Some running pods hold an older identity, or no identity.',
  PausedByFailedRollout:
    'A workload of the account switched to the new identity and does not become healthy. The other workloads of the account stay unchanged until this workload is repaired.',
  DeletionProtected: userAction(
    'The account is being deleted although it is protected: its CRD was deleted, or the protection was added later. The account is kept until its protection label or annotation is removed.',
  ),
  ClusterChanged: userAction(
    'The account has a role that was created for an EKS cluster or AWS account other than the one in the ClusterConfig. Nothing is changed or deleted for the account until the ClusterConfig is restored, or until the annotation `k11n.dev/abandon-roles` of the account confirms that the role is left behind in IAM with its permissions.',
  ),
  Quarantining: 'A Quarantine names the account. Its roles are being cut off.',
  Quarantined: userAction(
    'A Quarantine names the account. Every session of its roles is denied, no pod gets new credentials, and nothing that uses the account is rolled out. Drift repair, edits and restarts of the operator do not undo the quarantine.',
  ),
  DenyingPods: 'A Quarantine names pods of the account. The sessions of these pods are being denied.',
  PodsNotDenied: userAction(
    'A Quarantine names pods of the account, but the sessions of these pods cannot be denied. The message gives the reason. To end the access of these pods, quarantine the whole account.',
  ),
  ReplacingRole:
    'The quarantine has ended. The role is being replaced by a new role of the same name, which ends the older sessions for good.',
  OldPodsRunning: userAction(
    'The quarantine has ended, but pods that were created before the quarantine took effect still run. No pod can assume the role until these pods have ended, because they would otherwise get new credentials immediately.',
  ),
  OldSessionsLive: userAction(
    'The quarantine has ended, but the role was adopted and is therefore not replaced. Pods cannot assume the role until every session from before the quarantine has expired.',
  ),
  InUse: 'The deletion of the account waits, because running pods use the account.',
  Deleting: 'The role and the links are being removed.',
  NotAdmitted: userAction(
    'The account was created while the admission policies were not enforced, so no policy has checked whether the creator of the account is permitted to grant its permissions. The operator creates no role for the account. Delete the account and create it again.',
  ),
  SpecNewerThanOperator: userAction(
    'The spec has fields that this version of the operator does not know, because a newer version introduced them. The operator changes nothing for this object, neither in AWS nor in the cluster.',
  ),
  OperatorOutdated:
    'The CRDs are newer than the operator. Until the operator is upgraded, it changes nothing in AWS or the cluster. Pods keep their access.',
  ClusterConfigMissing: 'The cluster has no ClusterConfig.',
  ClusterConfigNotReady: 'The ClusterConfig is not ready.',
  ClusterConfigDuplicate: userAction('The cluster has several ClusterConfigs; the oldest is used.'),
  IssuerMismatch: userAction('The issuer in the ClusterConfig differs from the issuer of the API server.'),
  IssuerUnknown: 'The API server does not reveal its token issuer.',
  DriftChecked: 'Roles, and associations where Pod Identity is used, are compared with AWS regularly.',
  OIDCProviderFound: 'The IAM OIDC provider exists and lists sts.amazonaws.com as a client ID.',
  AudienceMissing: 'The IAM OIDC provider does not list sts.amazonaws.com as a client ID.',
} as const;

export type IdentityReason = keyof typeof identityReasons;

/** Whether the reason means that the name of a target or of the account is reserved. */
export function isReservedReason(reason: string | undefined): boolean {
  return reason === 'TargetReserved' || reason === 'AccountNameReserved';
}
