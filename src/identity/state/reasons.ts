/**
 * Every reason that a condition or a row in the status of a LinkedServiceAccount or a ClusterConfig can carry, beside
 * the error codes of errors.ts, which are reasons too.
 */
import { userAction } from '../../k8s/reasons.ts';

export const identityReasons = {
  Ready: 'Everything that was asked for is so, and was proven.',
  InStep: 'What IAM holds is what is wanted.',
  CreatingRole: 'The role is being made.',
  UpdatingRole: 'The role is being brought in step with the spec.',
  RoleDrifted: 'The role was changed outside Konstellation; it is being put back.',
  RoleNotOwned: userAction(
    'A role with the name that this account needs exists, and its tags do not say that it is ours. It is left alone.',
  ),
  RoleOfAnotherCluster:
    'The role has the tags of this cluster and account, but another token issuer: a cluster of the same name owns it. It is left alone.',
  AdoptionBlocked: userAction(
    'The role is not adopted: running pods hold it that its new trust policy would shut out. The message names them.',
  ),
  AdoptionRefused: userAction(
    'AWS refused the operator the adoption of the role. The message says whether the consent or the right is missing.',
  ),
  AllAttached: 'Every listed policy is attached, and nothing else.',
  AttachingPolicies: 'Policies are being attached or detached.',
  TooManyPolicies: userAction('More policies are listed than IAM allows on one role of this AWS account.'),
  PolicyNotAllowed: userAction(
    "The ClusterConfig's allowedPolicyArns do not allow this policy. It is never attached; where it was attached before, it stays until somebody consents to its detachment with the annotation that the message names.",
  ),
  WrongPartition: userAction('The policy lies in another AWS partition than this cluster.'),
  InlinePoliciesFound: userAction(
    'Someone put an inline policy on the role: its pods may do more than the account lists.',
  ),
  AllLinked: "Each target's ServiceAccount carries the role.",
  NoTargets: 'The account has no target.',
  Linking: 'ServiceAccounts are being linked.',
  Unlinking: 'The target is no longer wanted; its link is being removed.',
  StillInUse: userAction(
    'The account is no longer for the target, but running pods use its ServiceAccount. Those that hold the identity keep their access until they have ended, unless `k11n.dev/unlink-now` names the target; then the target is unlinked.',
  ),
  TargetUnknown: userAction('The ClusterConfig has no such target.'),
  TargetReserved: userAction(
    "The target is a namespace of Kubernetes (`kube-*`), `default` or the operator's own, which cannot be targets. Nothing is written there. What an older version linked there keeps its access until the target is taken out.",
  ),
  AccountNameReserved: userAction(
    'The account is named `default`, as the ServiceAccount of all pods that name none. It is not linked anywhere.',
  ),
  NamespaceMissing: "The target's namespace does not exist.",
  NamespaceTerminating: "The target's namespace is being deleted.",
  ServiceAccountNotOwned: userAction(
    'A ServiceAccount of this name exists in the target and does not carry our label. It is left alone. To hand it over, label it k11n.dev/account=<account>.',
  ),
  ForeignAnnotation: userAction(
    'Someone else set the role annotation of the ServiceAccount. It is left alone.',
  ),
  ForeignAudience: userAction(
    'The ServiceAccount asks for tokens of another audience than STS, which the trust policy refuses.',
  ),
  ForeignAssociation: userAction(
    'The ServiceAccount has an EKS Pod Identity association which is not ours. Pods get its role, whatever the annotation says. It is left alone.',
  ),
  Associating: 'The EKS Pod Identity association is being made or changed.',
  Confirming: 'It is about to be read back whether pods made now get the identity.',
  SwitchingMode:
    'The target is going over to the other identity mode. It is served in the old way until the new one is known to work.',
  AwaitingReplacement: userAction(
    'Running pods hold an EKS Pod Identity and nothing replaces them: they belong to no app, and their workload has no restart label. The target keeps its association until they are gone.',
  ),
  ExchangeUnavailable:
    'Running pods hold an identity that they can no longer exchange for credentials. They need to be replaced.',
  AwaitingFirstPod:
    'Association and trust policy were read back, and pods can be made. Only a token of a pod can prove a Pod Identity, so the first pod does.',
  AllProven: "A token of each target's ServiceAccount was exchanged for credentials of its role.",
  Proving: 'The identity is about to be proven.',
  WaitingForPropagation:
    'IAM has taken the change, but STS does not know it everywhere yet. This takes up to a minute.',
  AllCurrent: 'Every running pod holds the identity that is wanted now.',
  PodsNotCurrent: 'Some running pods hold an older identity, or none.',
  PausedByFailedRollout:
    'A workload of the account took up the new identity and does not get healthy. The others keep what they have until it is mended.',
  DeletionProtected: userAction(
    'The account is to be deleted, although it is protected: its CRD was deleted, or it was protected afterwards. It is kept until the label or annotation is removed.',
  ),
  ClusterChanged: userAction(
    'The account has a role that was created for another EKS cluster or AWS account than the ClusterConfig names now. Nothing is changed or deleted for the account until the ClusterConfig is put back, or the annotation `k11n.dev/abandon-roles` leaves the role behind.',
  ),
  InUse: 'The account is to be deleted, but running pods use it.',
  Deleting: 'The role and the links are being removed.',
  NotAdmitted: userAction(
    'The account was created while the admission policies were not enforced, so that nobody checked who may give its permissions, and it has no role yet. None is created: delete the account and create it again.',
  ),
  SpecNewerThanOperator: userAction(
    'The spec has fields of a later version, which this operator does not know. It changes nothing for it: neither in AWS nor in the cluster.',
  ),
  OperatorOutdated:
    'The CRDs are of a later version than the operator, which changes nothing in AWS or the cluster until it is upgraded. Pods keep their access.',
  ClusterConfigMissing: 'The cluster has no ClusterConfig.',
  ClusterConfigNotReady: 'The ClusterConfig is not ready.',
  ClusterConfigDuplicate: userAction('The cluster has several ClusterConfigs; the oldest counts.'),
  IssuerMismatch: userAction('The issuer in the ClusterConfig is not the one which the API server names.'),
  IssuerUnknown: 'The API server does not tell its token issuer.',
  DriftChecked: 'Roles, and associations where Pod Identity is used, are compared with AWS regularly.',
  OIDCProviderFound: 'The IAM OIDC provider exists and lists sts.amazonaws.com as a client ID.',
  AudienceMissing: 'The IAM OIDC provider does not list sts.amazonaws.com as a client ID.',
} as const;

export type IdentityReason = keyof typeof identityReasons;
