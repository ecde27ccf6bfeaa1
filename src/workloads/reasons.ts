/**
 * Reasons in an App's conditions, in its targets' status entries and in Events, with their meanings. The log and the
 * command line use the same reasons. Reasons of pods and Deployments (`ImagePullBackOff`, `Unschedulable`, …) are
 * passed on unchanged and not listed here.
 */
import { userAction } from '../k8s/reasons.ts';

/** Reasons why a target is not deployed with its identity yet, or keeps running with an identity that is no longer confirmed. */
export const gateReasons = {
  AccountNotFound: 'No account has this name. The app continues automatically when the account exists.',
  AccountDeleting:
    'The account is being deleted, so the app is not deployed to targets where its pods do not hold the identity of the account yet.',
  AccountExcludesTarget: userAction(
    'The account lists its targets, and the list does not contain this target.',
  ),
  AccountNotLinkedToTarget:
    "The account's ServiceAccount in this target has no annotation or association for the role yet.",
  IdentityNotProven:
    "No token of the target's ServiceAccount has been exchanged for the role's credentials since the last relevant change.",
  Quarantined: userAction(
    'A Quarantine names the account, so new pods would get no credentials. Nothing is rolled out or scaled up until the account is released; a halt is still applied.',
  ),
  OIDCProviderMissing:
    "The AWS account has no IAM OIDC provider for this cluster's token issuer, so new pods would get no credentials. Nothing is rolled out or scaled up until the provider exists; then the app continues automatically.",
  AudienceMissing:
    'The IAM OIDC provider does not list sts.amazonaws.com, so new pods would get no credentials. Nothing is rolled out or scaled up until the provider lists it; then the app continues automatically.',
  NotInjected:
    'A pod of the new template, created in a dry run, did not get the identity: the pod identity webhook is not running or skips the pods. Nothing is rolled out or scaled up, whatever was changed, until the webhook injects the identity; then the app continues automatically.',
  IdentityNotChecked:
    'A pod of the new template was refused in a dry run, by a quota or a policy engine, so its identity cannot be checked. Running pods that hold an identity are not replaced until such a pod is admitted; then the app continues automatically.',
  UnexpectedIdentity:
    'The app names no account, but its pods hold an AWS identity, because the ServiceAccount `default` of the target has one.',
} as const;
export type GateReason = keyof typeof gateReasons;

/** Reasons why a workload does not roll to a proven identity yet: it waits for other workloads of the account. */
export const slotReasons = {
  WaitingForTurn:
    'Workloads of an account roll to a new identity one at a time, and other workloads come first.',
  PausedByFailedRollout:
    'Another workload of the account rolled to the new identity and is not healthy. The remaining workloads continue automatically when that workload is repaired.',
} as const;
export type SlotReason = keyof typeof slotReasons;

/** Reasons, independent of the target's identity, why the app cannot be deployed to a target. */
export const targetReasons = {
  TargetUnknown: userAction("The app's target is not a target of the ClusterConfig."),
  TargetReserved: userAction(
    "The target is a namespace of Kubernetes (`kube-*`), `default` or the operator's own, which cannot be targets. Nothing is written there.",
  ),
  NamespaceMissing: "The target's namespace does not exist.",
  NamespaceTerminating: "The target's namespace is being deleted.",
  NotAdmitted: userAction(
    'The App was created while the admission policies were not enforced, so no policy has checked whether the creator of the App is permitted to deploy to the target. The App has no Deployment in the target, and the operator creates none. Delete the App and create it again.',
  ),
  SpecNewerThanOperator: userAction(
    'The App or the ClusterConfig has fields that this version of the operator does not know, because a newer version introduced them. The operator changes nothing for the app.',
  ),
  InvalidSpec: userAction('The spec contradicts itself in a way that the schema cannot express.'),
  DependencyMissing:
    'An app that this app depends on does not exist, does not run on the target, or does not have the port. This app continues automatically when the dependency is available.',
  NotOwned: userAction(
    "An object with the app's name exists, but does not belong to the app. The object is not changed.",
  ),
  Refused: userAction('The API server refused an object of the app.'),
  WriteFailed: 'The API server could not be reached; the write is retried.',
} as const;
export type TargetReason = keyof typeof targetReasons;

/** Reasons that describe the rollout of a deployed target. */
export const rolloutReasons = {
  Available: 'All replicas are of the current template and available.',
  RollingOut: 'Pods are being created or replaced, or are not available yet.',
  ProgressDeadlineExceeded: 'The Deployment exceeded its progress deadline.',
  ReplicaFailure:
    'The Deployment could not create pods, because a quota or an admission webhook refused them.',
  PodsNotCurrent:
    'Running pods of the current template hold another identity or none, because the pod identity webhook missed them. The operator replaces these pods.',
  Halted: 'The target has no pods, because its deployMode is `halt`.',
} as const;
export type RolloutReason = keyof typeof rolloutReasons;

/** Reasons of those conditions of an App that summarize its targets. */
export const summaryReasons = {
  Ready: 'All targets are ready.',
  NoAccount: 'The app names no account, so its pods hold no identity.',
  Proven: 'The identity is proven in every target where the app runs.',
} as const;
export type SummaryReason = keyof typeof summaryReasons;

/** Reasons that occur only in Events of Apps. */
export const appEventReasons = {
  Deployed: 'An object of the app was created or changed.',
  Scaled:
    'Only the number of replicas was changed, which halts or resumes the app. The rest of the spec could not be applied.',
  Removed: 'An object of the app was deleted, because the app no longer needs the object.',
  PodReplaced: 'A pod that the webhook had missed was evicted; its successor gets the identity.',
} as const;
export type AppEventReason = keyof typeof appEventReasons;

/** Reasons of Events about workloads without an App. */
export const workloadEventReasons = {
  WorkloadRestarted:
    'The annotation of the new identity was written into the pod template of a labelled workload, so its pods are replaced.',
  PodReplaced: appEventReasons.PodReplaced,
  NotInjected:
    'A labelled workload must be restarted so that its pods get a new identity. In a dry run, however, a pod of the workload was refused or did not get the identity. The operator restarts the workload as soon as the dry run succeeds.',
} as const;
export type WorkloadEventReason = keyof typeof workloadEventReasons;
