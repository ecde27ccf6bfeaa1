/**
 * Assigns the rollout slot among the workloads of an account, the members of its rollout group. Only the member with
 * the slot rolls to a new identity, so that a broken identity affects only one workload. `byPrecedence` orders the
 * members. A member was refused if the API server refused its new pod template.
 *
 * | another member M                          | a member N that wants the new identity          |
 * |-------------------------------------------|-------------------------------------------------|
 * | M is rolling, and does not come after N   | N: WaitingForTurn                               |
 * | M has the identity, and is not healthy    | N: PausedByFailedRollout                        |
 * | M comes before N, and was refused         | N: PausedByFailedRollout                        |
 * | M comes before N                          | N: WaitingForTurn                               |
 * | none of these                             | N: go                                           |
 *
 * The rollout of a member that wants the new identity may never finish, since its present identity may no longer exist.
 * If several such members are mid-rollout, the first of them gets the slot. If each waited for the others, only a
 * deadline would end the deadlock.
 *
 * The assignment is stateless: it follows from the identity marks and rollouts in the cluster, so a restart of the
 * operator changes nothing.
 */
import type { SlotReason } from './reasons.ts';

export type RolloutMember = {
  /** Unique name of the member for messages: `app web in production`. */
  readonly id: string;
  /** Whether the member wants another identity and lacks only the rollout slot. */
  readonly wants: boolean;
  /** Whether the member's pod template, or each of the member's pods, has the wanted identity. */
  readonly hasWanted: boolean;
  /** `refused`: the API server refused the member's new pod template. */
  readonly state: 'steady' | 'rolling' | 'failed' | 'refused';
  /** Members of a lower rank get the slot first. Equal ranks are ordered by id. */
  readonly rank: number;
};

export type SlotBlocker = { readonly reason: SlotReason; readonly message: string };

export type RolloutBlocker = SlotBlocker & { readonly reason: 'PausedByFailedRollout' };

export type RolloutSlot = { readonly kind: 'go' } | { readonly kind: 'waits'; readonly blocker: SlotBlocker };

/**
 * Decides for each member that wants to roll whether it gets the rollout slot. Returns the decisions by member id. At
 * most one decision is `go`.
 */
export function assignSlots(members: readonly RolloutMember[]): ReadonlyMap<string, RolloutSlot> {
  const queue = members.filter(({ wants }) => wants).toSorted(byPrecedence);
  const busy = members.filter(isBusy).toSorted(byPrecedence);
  return new Map(
    queue.map((member, index) => {
      const notBefore = queue.slice(index);
      const others = busy.filter((other) => !notBefore.includes(other));
      return [member.id, slotAfter(others, queue.slice(0, index))] as const;
    }),
  );
}

/**
 * Returns the reason why members wait for a failed rollout, with the number of these members in the message; undefined
 * if no member waits for a failed rollout.
 */
export function rolloutBlockerOf(members: readonly RolloutMember[]): RolloutBlocker | undefined {
  const blockers = [...assignSlots(members).values()].flatMap((slot) =>
    slot.kind === 'waits' && slot.blocker.reason === 'PausedByFailedRollout' ? [slot.blocker] : [],
  );
  const [first] = blockers;
  if (!first) return undefined;
  const held = blockers.length === 1 ? '1 workload is' : `${blockers.length} workloads are`;
  return { reason: 'PausedByFailedRollout', message: `${first.message}; ${held} held back` };
}

/**
 * @param busy members that are rolling or failed, and do not come after this member
 * @param before members that also want the slot and come before this member
 */
function slotAfter(busy: readonly RolloutMember[], before: readonly RolloutMember[]): RolloutSlot {
  const failed =
    busy.find(({ state }) => state === 'failed') ?? before.find(({ state }) => state === 'refused');
  if (failed) return blockedBy(failed);
  // The message names the member's predecessor in the queue. If it named the member that is rolling now, it would become false
  // when the slot moves on.
  const last = before.at(-1) ?? busy.at(-1);
  return last ? waitingFor(last) : { kind: 'go' };
}

/**
 * Whether the member blocks others. A failed member with the previous identity blocks no others, since its failure is
 * no evidence against the new identity.
 */
function isBusy({ state, hasWanted }: RolloutMember): boolean {
  return state === 'rolling' || (state === 'failed' && hasWanted);
}

/**
 * Order of the members that want the slot. Members that are rolling or were refused come first, so that their rollout
 * continues. A failed member is last: the new identity may repair it, but if the failure has another cause, the member
 * would block all members after it.
 */
const stateOrder: Readonly<Record<RolloutMember['state'], number>> = {
  refused: 0,
  rolling: 0,
  steady: 1,
  failed: 2,
};

function byPrecedence(a: RolloutMember, b: RolloutMember): number {
  return stateOrder[a.state] - stateOrder[b.state] || a.rank - b.rank || (a.id < b.id ? -1 : 1);
}

function waitingFor(before: RolloutMember): RolloutSlot {
  const message = `workloads of an account roll to a new identity one at a time; this workload comes after ${before.id}`;
  return { kind: 'waits', blocker: { reason: 'WaitingForTurn', message } };
}

function blockedBy(failed: RolloutMember): RolloutSlot {
  const why =
    failed.state === 'refused'
      ? 'whose new pod template the API server refuses'
      : 'which is not healthy with the new identity';
  const message = `the new identity is held back by ${failed.id}, ${why}; the rollout continues automatically when that workload is repaired`;
  return { kind: 'waits', blocker: { reason: 'PausedByFailedRollout', message } };
}
