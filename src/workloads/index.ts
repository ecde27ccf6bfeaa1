/** Apps and pods: the identity that a pod holds, and the objects that run an App with the identity of its account. */
export * from './app-members.ts';
export { deployedAccount, hasReplicas } from './deployment.ts';
export type { IdentityFinding } from './identity-gate.ts';
export * from './labelled-workload.ts';
export type { Manifest, ObservedObject } from './manifest.ts';
export { isOwnedBy } from './ownership.ts';
export * from './plan.ts';
export { recoveredAt } from './pod-failure.ts';
export * from './pod-identity-agent.ts';
export * from './pod-identity.ts';
export * from './pod-trimmer.ts';
export * from './pod.ts';
export * from './reasons.ts';
export * from './rollout-group.ts';
export * from './status.ts';
export * from './steps.ts';
export { reportTarget, type TargetOutcome } from './target-status.ts';
