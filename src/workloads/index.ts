/** The domain of apps and pods: what identity a pod holds, and which objects make an App run with the one it asks for. */
export { appMembers, appTargetId, wantsTurn } from './app-turns.ts';
export { deployedAccount } from './deployment.ts';
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
export { countPods, describeHeld, podIdentity } from './pod-identity.ts';
export { isRunning, serviceAccountOf, trimPod, type Pod } from './pod.ts';
export {
  appEventReasons,
  gateReasons,
  rolloutReasons,
  summaryReasons,
  targetReasons,
  turnReasons,
  type AppEventReason,
  type TargetReason,
} from './reasons.ts';
export { appStatus, type AppStatusDraft } from './status.ts';
export type { ApplyStep, DeleteStep, ReplacePodStep, Step } from './steps.ts';
export { reportTarget, type TargetOutcome } from './target-status.ts';
export { transitions, type EventDraft } from './transitions.ts';
export { decideTurns, type Turn, type TurnMember } from './turns.ts';
