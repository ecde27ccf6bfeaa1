/** What a plan asks to be done, as data: for the operator to carry out, for others to show. */
import type { Deployment } from './deployment.ts';
import type { Identity } from './identity-gate.ts';
import type { Manifest, ObservedObject } from './manifest.ts';
import type { Pod } from './pod.ts';
import type { Scaling } from './replicas.ts';

export type ApplyStep = {
  readonly kind: 'apply';
  readonly manifest: Manifest;
  /** The object as it was seen. Without it, there may still be one which does not bear our label. */
  readonly observed?: ObservedObject;
  readonly dryRunPod?: DryRunPod;
};

/** A pod that is created in a dry run before the step. The step waits while the pod would get none of `wanted`. */
export type DryRunPod = {
  readonly template: PodTemplate;
  readonly wanted: readonly Identity[];
  /** Running pods hold an identity, so that the step waits too while the dry-run pod is refused. */
  readonly protectsPods: boolean;
};

export type DeleteStep = { readonly kind: 'delete'; readonly object: ObservedObject };

/** To be written into the Deployment beside what was applied, of which everything else stays as it is. */
export type ScaleStep = {
  readonly kind: 'scale';
  readonly deployment: Deployment;
  readonly scaling: Scaling;
  readonly dryRunPod?: DryRunPod;
};

export type PodTemplate = NonNullable<NonNullable<Deployment['spec']>['template']>;

/** To be evicted once a pod of `template`, made in a dry run, turns out to get `wanted`. */
export type ReplacePodStep = {
  readonly kind: 'replacePod';
  readonly pod: Pod;
  readonly template: PodTemplate;
  readonly wanted: Identity;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
};

export type Step = ApplyStep | DeleteStep | ScaleStep | ReplacePodStep;
