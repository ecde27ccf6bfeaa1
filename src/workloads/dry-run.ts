/**
 * Decides which writes require a dry-run pod first: all writes that create pods of an app with an account. A dry-run
 * pod ensures that pods with an identity are never replaced by pods without an identity, whatever the reason for the
 * write.
 *
 * | write                                                          | dry-run pod |
 * |----------------------------------------------------------------|-------------|
 * | first Deployment                                               | yes         |
 * | another pod template, whatever differs in it                   | yes         |
 * | more replicas: a larger scale, a resume, a manual 0 reverted   | yes         |
 * | an autoscaler's minimum above the present replicas             | yes         |
 * | fewer replicas, a halt, labels and annotations of the objects  | no          |
 * | any write of an app without an account                         | no          |
 */
import type { Deployment } from './deployment.ts';
import type { Identity } from './identity-gate.ts';
import { covers, type Manifest } from './manifest.ts';
import { haveSameTemplate } from './pod-template.ts';
import { givenIdentity } from './pod-identity.ts';
import { isActive, type Pod } from './pod.ts';
import type { ApplyStep, DryRunPod, PodTemplate } from './steps.ts';

export type DryRunInput = {
  readonly deployment: Deployment | undefined;
  /**
   * Accepted identities: a new pod has to get one of these. For an app without an account, the list is empty, and no
   * dry-run pod is created.
   */
  readonly wanted: readonly Identity[];
  /** Pods of the App on this target. */
  readonly pods: readonly Pod[];
};

/**
 * Adds the dry-run pod to the first step that creates pods. If the dry run fails, the operator executes neither this
 * step nor any later step.
 */
export function withDryRun(steps: readonly ApplyStep[], input: DryRunInput): readonly ApplyStep[] {
  const first = steps.findIndex(({ manifest }) => createsPods(manifest, input.deployment));
  return steps.map((step, index) => {
    if (index !== first) return step;
    const { kind, spec } = step.manifest;
    const rendered = kind === 'Deployment' ? (spec?.['template'] as PodTemplate | undefined) : undefined;
    const dryRunPod = dryRunPodOf(rendered ?? input.deployment?.spec?.template, input);
    return dryRunPod ? { ...step, dryRunPod } : step;
  });
}

/** Pod to create in a dry run before new pods of `template` are created; undefined if the new pods need no identity. */
export function dryRunPodOf(
  template: PodTemplate | undefined,
  { wanted, pods }: DryRunInput,
): DryRunPod | undefined {
  if (!template || wanted.length === 0) return undefined;
  return { template, wanted, protectsPods: pods.some(isProtected) };
}

function createsPods({ kind, spec, ...manifest }: Manifest, deployment: Deployment | undefined): boolean {
  const present = deployment?.spec?.replicas ?? 1;
  switch (kind) {
    case 'Deployment': {
      const { replicas } = spec as { readonly replicas?: number };
      if (replicas === 0) return false;
      if (!deployment || (replicas ?? 0) > present) return true;
      return (
        !haveSameTemplate({ ...manifest, kind }, deployment) ||
        !covers(deployment.spec?.template, spec?.['template'])
      );
    }
    case 'HorizontalPodAutoscaler': {
      const { minReplicas = 1 } = spec as { readonly minReplicas?: number };
      return deployment !== undefined && minReplicas > present;
    }
    default:
      return false;
  }
}

/** Whether the pod runs with an identity from the webhook. */
function isProtected(pod: Pod): boolean {
  return isActive(pod) && givenIdentity(pod) !== undefined;
}
