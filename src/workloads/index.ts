export {
  countPods,
  describeHeld,
  podIdentity,
  type HeldIdentity,
  type PodCounts,
  type PodIdentity,
  type WantedIdentity,
} from './pod-identity.ts';
export { isRunning, isTerminating, serviceAccountOf, trimPod, type Pod } from './pod.ts';
