/**
 * Reasons of an App's conditions, target rows and Events, with their meanings. Status, Events, log and command line use the
 * same reasons. Reasons of pods and Deployments (`ImagePullBackOff`, `Unschedulable`, …) are passed on as they are and not
 * listed here.
 */
import { userAction } from '../k8s/reasons.ts';

/** Reasons why a target is not deployed with its identity yet, or runs on with one that is no longer confirmed. */
export const gateReasons = {
  AccountNotFound: 'There is no account of that name. The app goes on by itself when it appears.',
  AccountDeleting: 'The account is being deleted: nothing new is given its identity.',
  AccountExcludesTarget: userAction('The account lists its targets, and this one is not among them.'),
  AccountNotLinkedToTarget: "The account's ServiceAccount in this target does not carry the role yet.",
  IdentityNotProven:
    "No token of the target's ServiceAccount has been exchanged for the role's credentials, or not since the last change.",
  OIDCProviderMissing:
    "The AWS account has no IAM OIDC provider for this cluster's token issuer, so that new pods would get no credentials. Nothing is rolled out or scaled up until it exists; then the app continues by itself.",
  AudienceMissing:
    'The IAM OIDC provider does not list sts.amazonaws.com, so that new pods would get no credentials. Nothing is rolled out or scaled up until it does; then the app continues by itself.',
  NotInjected:
    'A pod of the new template, created in a dry run, did not get the identity: the pod identity webhook does not run, or skips the pods. Nothing is rolled out or scaled up until it does, whatever was changed; then the app continues by itself.',
  IdentityNotChecked:
    'A pod of the new template was refused in a dry run, by a quota or a policy engine, so that its identity cannot be checked. While running pods hold an identity, nothing replaces them; the app continues by itself when the pod is admitted.',
  UnexpectedIdentity:
    'The app names no account, and its pods hold an AWS identity all the same, because the ServiceAccount `default` of the target has one.',
} as const;
export type GateReason = keyof typeof gateReasons;

/** Reasons why a workload does not take up a proven identity yet: others of the account come first. */
export const slotReasons = {
  WaitingForTurn: 'Workloads of an account take up a new identity one at a time, and others come first.',
  PausedByFailedRollout:
    'Another workload of the account took up the new identity and does not get healthy. The rest goes on by itself when it is mended.',
} as const;
export type SlotReason = keyof typeof slotReasons;

/** Reasons why a target cannot be deployed, whatever its identity. */
export const targetReasons = {
  TargetUnknown: userAction("The app's target is not one of the ClusterConfig's."),
  TargetReserved: userAction(
    "The target is a namespace of Kubernetes (`kube-*`), `default` or the operator's own, which cannot be targets. Nothing is written there.",
  ),
  NamespaceMissing: "The target's namespace does not exist.",
  NamespaceTerminating: "The target's namespace is being deleted.",
  SpecNewerThanOperator: userAction(
    'The App, or the ClusterConfig, has fields of a later version, which this operator does not know. It changes nothing for the app.',
  ),
  InvalidSpec: userAction('The spec contradicts itself in a way that the schema cannot refuse.'),
  DependencyMissing:
    'An app that this one depends on does not exist, does not run on the target, or has no such port. It goes on by itself when it does.',
  NotOwned: userAction("An object of the app's name exists and is not this app's. It is left alone."),
  Refused: userAction('The API server refused an object of the app.'),
  WriteFailed: 'The API server could not be asked; it is tried again.',
} as const;
export type TargetReason = keyof typeof targetReasons;

/** Progress of the pods of a deployed target. */
export const rolloutReasons = {
  Available: 'All wanted replicas are of the present template and available.',
  RollingOut: 'Pods are being made, replaced or waited for.',
  ProgressDeadlineExceeded: 'The Deployment gave up waiting for its pods.',
  ReplicaFailure: 'The Deployment could not make pods: a quota, or an admission webhook.',
  PodsNotCurrent:
    'Running pods of the present template hold another identity, or none: the webhook missed them. They are replaced.',
  Halted: 'The target has no pods, by deployMode.',
} as const;
export type RolloutReason = keyof typeof rolloutReasons;

/** Reasons of an App's conditions that sum up its targets. */
export const summaryReasons = {
  Ready: 'Every target is as it should be.',
  NoAccount: 'The app names no account, so its pods hold no identity.',
  Proven: 'The identity is proven on every target that runs.',
} as const;
export type SummaryReason = keyof typeof summaryReasons;

/** Reasons of Events only. */
export const appEventReasons = {
  Deployed: 'An object of the app was made or changed.',
  Scaled: 'What ran was halted, or runs again as it was deployed last, without the rest of the spec.',
  Removed: 'An object of the app was deleted, as it is wanted no more.',
  PodReplaced: 'A pod that the webhook had missed was evicted, so that its successor gets the identity.',
} as const;
export type AppEventReason = keyof typeof appEventReasons;

/** Reasons of Events about workloads outside of Apps. */
export const workloadEventReasons = {
  WorkloadRestarted:
    'The pod template of a labelled workload was given the mark of the new identity, so that its pods are made anew.',
  PodReplaced: appEventReasons.PodReplaced,
  NotInjected:
    'A labelled workload is to be restarted for a new identity, and a pod of its template, created in a dry run, is refused or does not get the identity. It is restarted when the pod does.',
} as const;
export type WorkloadEventReason = keyof typeof workloadEventReasons;
