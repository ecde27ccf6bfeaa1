/** Lists the changes of a plan for text and JSON output. Pure. */
import {
  isAssociationStep,
  isRoleStep,
  planLineOf,
  type AccountWorld,
  type PlanLine,
  type Step,
  type TargetObservation,
} from '../../../../identity/index.ts';
import { appLabel } from '../../../../api/labels.ts';
import {
  isLabelledWorkload,
  isPodOf,
  replacesPods,
  type Pod,
  type Workload,
} from '../../../../workloads/index.ts';
import type { DryRun } from './dry-run.ts';

export type Change = PlanLine & {
  readonly system: 'iam' | 'eks' | 'kubernetes';
  readonly step: Step['kind'];
  /** The name of a role, or `namespace/name`. */
  readonly object: string;
};

/**
 * A running pod of a target where new pods get another identity. The running pod is replaced, or keeps its old
 * identity.
 */
export type AffectedPod = {
  readonly namespace: string;
  readonly name: string;
  readonly workload?: string;
  /** Whether the pod is replaced after the new identity is verified. */
  readonly replaced: boolean;
};

/**
 * Returns the changes that the steps of a dry run make. Omits reads, verifications, and changes to the account's
 * metadata and status.
 */
export function changesOf(world: AccountWorld, { steps }: Pick<DryRun, 'steps'>): readonly Change[] {
  return steps.flatMap((step): Change | readonly Change[] => {
    const role = 'role' in step ? world.roles.get(step.role)?.role : undefined;
    const line = planLineOf(step, role ?? undefined);
    if (!line) return [];
    const target = 'target' in step ? `${step.target}/${world.account.metadata.name}` : '';
    const system = isRoleStep(step) ? 'iam' : isAssociationStep(step) ? 'eks' : 'kubernetes';
    return { system, step: step.kind, object: isRoleStep(step) ? step.role : target, ...line };
  });
}

/**
 * Returns the pods, as `namespace/name`, that are replaced when their identity changes. This includes pods of Apps, and pods of
 * labelled workloads, except workloads that are paused or have the update strategy `OnDelete`.
 *
 * @param labelled workloads with the restart label
 */
export function replacedPods(pods: readonly Pod[], labelled: readonly Workload[]): ReadonlySet<string> {
  const workloads = labelled.filter((workload) => isLabelledWorkload(workload) && replacesPods({ workload }));
  return new Set(
    pods
      .filter(
        (pod) =>
          pod.metadata.labels?.[appLabel] !== undefined ||
          workloads.some((workload) => isPodOf(workload, pod)),
      )
      .map(({ metadata }) => podKey(metadata)),
  );
}

function podKey({ namespace = '', name }: Pick<Pod['metadata'], 'namespace' | 'name'>): string {
  return `${namespace}/${name}`;
}

/**
 * Returns the account's running pods in the targets where the identity of new pods changes.
 *
 * @param replaced result of `replacedPods`
 */
export function affectedPods(
  world: AccountWorld,
  { world: later }: Pick<DryRun, 'world'>,
  replaced: ReadonlySet<string>,
): readonly AffectedPod[] {
  const after = new Map(later.targets.map((target) => [target.name, identityOf(target, later.associations)]));
  return world.targets
    .filter((target) => identityOf(target, world.associations) !== after.get(target.name))
    .flatMap((target) =>
      target.users.map(({ pod, workload }) => ({
        namespace: target.name,
        name: pod,
        ...(workload === undefined ? {} : { workload }),
        replaced: replaced.has(podKey({ namespace: target.name, name: pod })),
      })),
    );
}

/**
 * Returns the identity of new pods in a target. An association counts as one identity, whatever its role: if the role
 * changes, pods get the new role without being replaced.
 */
function identityOf(
  { name, serviceAccount }: TargetObservation,
  associations: AccountWorld['associations'],
): string | undefined {
  return associations.get(name)?.association ? 'by association' : serviceAccount?.roleArn;
}
