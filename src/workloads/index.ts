/** The domain of apps and pods: what identity a pod holds, and which objects make an App run with the one it asks for. */
export type { Deployment } from './deployment.ts';
export {
  identityGate,
  identityMark,
  type GateNotice,
  type Identity,
  type IdentityGate,
} from './identity-gate.ts';
export type { Manifest, ObservedObject } from './manifest.ts';
export { isOwnedBy } from './ownership.ts';
export {
  deploymentOf,
  notOwnedMessage,
  planApp,
  type AppObservation,
  type AppPlan,
  type TargetPlan,
} from './plan.ts';
export {
  countPods,
  describeHeld,
  isCurrent,
  podIdentity,
  type HeldIdentity,
  type PodCounts,
  type PodIdentity,
  type WantedIdentity,
} from './pod-identity.ts';
export { isRunning, isTerminating, serviceAccountOf, trimPod, type Pod } from './pod.ts';
export { eventReasons, targetReasons, type IdentityReason, type TargetReason } from './reasons.ts';
export { appStatus, type AppStatusDraft, type ConditionDraft } from './status.ts';
export type { ApplyStep, DeleteStep, ReplacePodStep, Step } from './steps.ts';
export { reportTarget, type TargetOutcome, type TargetReport } from './target-status.ts';
export { transitions, type EventDraft } from './transitions.ts';
