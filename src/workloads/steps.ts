/** Steps of a plan as data. The operator executes the steps, and the command line shows them. */
import type { Deployment } from './deployment.ts';
import type { Identity } from './identity-gate.ts';
import type { Manifest, ObservedObject } from './manifest.ts';
import type { Pod } from './pod.ts';
import type { Scaling } from './replicas.ts';

export type ApplyStep = {
  readonly kind: 'apply';
  readonly manifest: Manifest;
  /**
   * Observed object that the step changes. If it is undefined, an object of the same name without the App's label may
   * still exist.
   */
  readonly observed?: ObservedObject;
  readonly dryRunPod?: DryRunPod;
};

/**
 * Pod that is created as a dry run before the step. The step is held back until the pod gets one of the identities in
 * `wanted`.
 */
export type DryRunPod = {
  readonly template: PodTemplate;
  readonly wanted: readonly Identity[];
  /**
   * Whether running pods hold an identity. If so, a refusal of the dry-run pod by the API server also holds back the
   * step.
   */
  readonly protectsPods: boolean;
};

export type DeleteStep = { readonly kind: 'delete'; readonly object: ObservedObject };

/** Patch of a Deployment's number of replicas. The patch changes no other field of the spec. */
export type ScaleStep = {
  readonly kind: 'scale';
  readonly deployment: Deployment;
  readonly scaling: Scaling;
  readonly dryRunPod?: DryRunPod;
};

export type PodTemplate = NonNullable<NonNullable<Deployment['spec']>['template']>;

/** Evicts a pod after a dry-run pod created from `template` has received the identity `wanted`. */
export type ReplacePodStep = {
  readonly kind: 'replacePod';
  readonly pod: Pod;
  readonly template: PodTemplate;
  readonly wanted: Identity;
  /** Earliest time of the eviction, in milliseconds since the epoch. */
  readonly notBefore: number;
};

export type Step = ApplyStep | DeleteStep | ScaleStep | ReplacePodStep;
