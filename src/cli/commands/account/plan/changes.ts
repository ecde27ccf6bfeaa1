/** Changes of a plan, for people and programs. Pure. */
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

/** A pod that holds another identity afterwards, or still the old one. */
export type AffectedPod = {
  readonly namespace: string;
  readonly name: string;
  readonly workload?: string;
  /** Whether its app, or its workload with the restart label, replaces it once the new identity is proven. */
  readonly replaced: boolean;
};

/** Changes of the steps, without the planner's reads and proofs, and its bookkeeping on the account. */
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
 * Pods, as `namespace/name`, that are replaced when their identity changes: by an App, or by a labelled workload whose rollout is
 * neither paused nor left to whoever deletes the pods (`OnDelete`).
 *
 * @param labelled workloads with the label that asks for a restart
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
 * Running pods of targets whose pods get another role afterwards, or get it by another mode.
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

/** Identity of the pods of a target. A pod need not be replaced when its association gets another role. */
function identityOf(
  { name, serviceAccount }: TargetObservation,
  associations: AccountWorld['associations'],
): string | undefined {
  return associations.get(name)?.association ? 'by association' : serviceAccount?.roleArn;
}
