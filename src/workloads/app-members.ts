/** Targets of an App as members of its account's rollout group. */
import type { AppTarget } from '../api/index.ts';
import { deployedMark } from './deployment.ts';
import { identityState, type AppObservation } from './plan.ts';
import { isCurrent } from './pod-identity.ts';
import { isActive } from './pod.ts';
import { rolloutOf } from './rollout.ts';
import type { TargetReason } from './reasons.ts';
import type { RolloutMember } from './rollout-group.ts';

export function appTargetId(app: string, target: string): string {
  return `app ${app} in ${target}`;
}

/** Whether the App needs a rollout slot, because a target has to roll to another identity. */
export function wantsSlot(observation: Omit<AppObservation, 'slots'>): boolean {
  return observation.app.spec.targets.some((target) => identityState(observation, target)?.wants);
}

/**
 * Returns the targets of an App that have pods, as members of the rollout group. A target with the new template counts
 * as rolling until all its pods hold the identity. Otherwise, while the webhook is down, the next target would roll and
 * lose its identity too.
 */
export function appMembers(
  observation: Omit<AppObservation, 'slots'>,
  rankOf: (target: string) => number,
): readonly RolloutMember[] {
  const { app } = observation;
  return app.spec.targets.flatMap((target) => {
    const current = identityState(observation, target);
    if (!current) return [];
    const { wants, gate } = current;
    return {
      id: appTargetId(app.metadata.name, target.name),
      wants,
      hasWanted: gate.open && !wants,
      state: wants && isRefused(observation, target) ? 'refused' : stateOf(observation, target, current),
      rank: rankOf(target.name),
    };
  });
}

/**
 * Whether the API server refused the target's new pod template, according to the App's last status. Only the API server
 * can decide whether a template is valid.
 */
function isRefused({ app }: Pick<AppObservation, 'app'>, { name }: AppTarget): boolean {
  const row = app.status?.targets?.find((entry) => entry.name === name);
  return row?.reason === ('Refused' satisfies TargetReason);
}

function stateOf(
  observation: Omit<AppObservation, 'slots'>,
  target: AppTarget,
  { deployment, gate }: NonNullable<ReturnType<typeof identityState>>,
): RolloutMember['state'] {
  const pods = observation.pods.filter((pod) => pod.metadata.namespace === target.name);
  const { state } = rolloutOf(deployment, pods, observation.now);
  if (state === 'Failed') return 'failed';
  if (state === 'Progressing') return 'rolling';
  const identity = gate.open ? gate.identity : undefined;
  if (!identity || deployedMark(deployment) !== identity.mark) return 'steady';
  // The number of observed pods is compared with the replicas, because the Deployment may have pods that this process
  // has not observed yet.
  const running = pods.filter(isActive);
  const isDone =
    running.length >= (deployment.spec?.replicas ?? 1) && running.every((pod) => isCurrent(pod, identity));
  return isDone ? 'steady' : 'rolling';
}
