/** Apps and pods: the identity that a pod holds, and the objects that run an App with the identity of its account. */
export { appMembers, appTargetId, wantsSlot } from './app-members.ts';
export { deployedAccount, hasReplicas } from './deployment.ts';
export {
  isLabelledWorkload,
  isPodOf,
  replacesPods,
  planWorkload,
  workloadId,
  workloadMember,
  type Workload,
  type WorkloadObservation,
  type WorkloadStep,
} from './labelled-workload.ts';
export type { Manifest, ObservedObject } from './manifest.ts';
export type { IdentityFinding } from './identity-gate.ts';
export { isOwnedBy } from './ownership.ts';
export {
  deploymentOf,
  gateClosedBy,
  notOwnedMessage,
  planApp,
  type AppObservation,
  type AppPlan,
  type TargetPlan,
} from './plan.ts';
export {
  countPods,
  describeHeld,
  identitiesHeld,
  podIdentity,
  rolesHeld,
  type WantedIdentity,
} from './pod-identity.ts';
export { recoveredAt } from './pod-failure.ts';
export { createPodTrimmer } from './pod-trimmer.ts';
export {
  agentName,
  agentNamespace,
  isAgent,
  isAgentName,
  isOnFargate,
  isReady,
  isRunning,
  isTerminating,
  serviceAccountOf,
  usesAgent,
  type Pod,
} from './pod.ts';
export {
  agentFor,
  agentOf,
  agentNodeOf,
  type AgentLookup,
  type AgentNode,
  type AgentState,
} from './pod-identity-agent.ts';
export {
  appEventReasons,
  gateReasons,
  rolloutReasons,
  summaryReasons,
  targetReasons,
  slotReasons,
  workloadEventReasons,
  type AppEventReason,
  type GateReason,
  type TargetReason,
  type WorkloadEventReason,
} from './reasons.ts';
export { appStatus, type AppStatusDraft } from './status.ts';
export type { ApplyStep, DeleteStep, DryRunPod, ReplacePodStep, ScaleStep, Step } from './steps.ts';
export { reportTarget, type TargetOutcome } from './target-status.ts';
export { transitions, type EventDraft } from './transitions.ts';
export {
  assignSlots,
  rolloutBlockerOf,
  type RolloutSlot,
  type RolloutBlocker,
  type RolloutMember,
} from './rollout-group.ts';
