/**
 * The reasons which an App's conditions, target rows and Events carry. The same word reaches status, Event, log and
 * command line, so each stands here once, with what it tells a person. What pods and Deployments say of themselves
 * (`ImagePullBackOff`, `Unschedulable`, …) is passed on in Kubernetes' own words and is not listed.
 */

/** Why a target is not deployed with its identity yet, or runs on with one that is not proven any more. */
export const identityReasons = {
  /** No LinkedServiceAccount of that name exists. The app goes on by itself when it appears. */
  AccountNotFound: 'AccountNotFound',
  /** The account is being deleted: nothing new is given its identity. */
  AccountDeleting: 'AccountDeleting',
  /** The account lists its targets, and this one is not among them. */
  AccountExcludesTarget: 'AccountExcludesTarget',
  /** The account's ServiceAccount in this target does not carry the role (yet). */
  AccountNotLinkedToTarget: 'AccountNotLinkedToTarget',
  /** No token of the ServiceAccount has been exchanged for the role's credentials (yet). */
  IdentityNotProven: 'IdentityNotProven',
} as const;
export type IdentityReason = keyof typeof identityReasons;

/** Why a target cannot be deployed, whatever its identity. */
export const targetReasons = {
  /** The app's target is not one of the ClusterConfig's. */
  UnknownTarget: 'UnknownTarget',
  /** The target's namespace does not exist (yet). */
  NamespaceMissing: 'NamespaceMissing',
  /** The target's namespace is being deleted, so that nothing can be made in it. */
  NamespaceTerminating: 'NamespaceTerminating',
  /** The spec contradicts itself in a way that the schema cannot refuse. */
  InvalidSpec: 'InvalidSpec',
  /** An object of the same name exists and is not this app's. It is left alone. */
  NotOwned: 'NotOwned',
  /** The API server refused an object. */
  Refused: 'Refused',
  /** The API server could not be asked; it is tried again. */
  WriteFailed: 'WriteFailed',
} as const;
export type TargetReason = keyof typeof targetReasons;

/** How far the pods of a deployed target are. */
export const rolloutReasons = {
  /** All wanted replicas are of the present template and available. */
  Available: 'Available',
  /** Pods are being made, replaced or waited for. */
  RollingOut: 'RollingOut',
  /** The Deployment gave up waiting for its pods. */
  ProgressDeadlineExceeded: 'ProgressDeadlineExceeded',
  /** The Deployment could not make pods: a quota, or an admission webhook. */
  ReplicaFailure: 'ReplicaFailure',
  /** Running pods of the present template hold another identity, or none: the webhook missed them. */
  PodsNotCurrent: 'PodsNotCurrent',
  /** The target is to have no pods, by `deployMode: halt`. */
  Halted: 'Halted',
} as const;

/** Reasons of an App's conditions that sum up its targets. */
export const appReasons = {
  /** Ready: every target is available, with its identity. */
  Ready: 'Ready',
  /** IdentityReady: the app names no account, so its pods hold none. */
  NoAccount: 'NoAccount',
  /** IdentityReady: the identity is proven on every target. */
  Proven: 'Proven',
} as const;

/** Reasons of Events alone. */
export const eventReasons = {
  /** Objects of the app were written in a target. */
  Deployed: 'Deployed',
  /** Objects of the app were deleted, as it does not want them any more. */
  Removed: 'Removed',
  /** A pod that the webhook had missed was evicted, so that its successor gets the identity. */
  PodReplaced: 'PodReplaced',
} as const;
