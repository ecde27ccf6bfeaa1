import { describe, expect, test } from 'vitest';
import { assignSlots, rolloutBlockerOf, type RolloutMember } from './rollout-group.ts';

function member(id: string, fields: Partial<RolloutMember> = {}): RolloutMember {
  return { id, wants: false, hasWanted: true, state: 'steady', rank: 0, ...fields };
}
const wants = { wants: true, hasWanted: false };

function reported(members: readonly RolloutMember[]): Record<string, string> {
  return Object.fromEntries(
    [...assignSlots(members)].map(([id, slot]) => [
      id,
      slot.kind === 'go'
        ? 'go'
        : `${slot.blocker.reason} ${/(?:after|by) (.+?)(?:, w|$)/.exec(slot.blocker.message)?.[1]}`,
    ]),
  );
}

describe('assignSlots', () => {
  test.each<{ name: string; members: readonly RolloutMember[]; slots: Record<string, string> }>([
    { name: 'assigns no slot if no member wants it', members: [member('a'), member('b')], slots: {} },
    {
      name: 'gives the slot to the only member that wants it',
      members: [member('a', wants), member('b')],
      slots: { a: 'go' },
    },
    {
      name: 'gives the slot to the first member by name, and each other member waits for its predecessor',
      members: [member('c', wants), member('a', wants), member('b', wants)],
      slots: { a: 'go', b: 'WaitingForTurn a', c: 'WaitingForTurn b' },
    },
    {
      name: 'orders members by rank before name',
      members: [member('a', { ...wants, rank: 1 }), member('b', wants)],
      slots: { b: 'go', a: 'WaitingForTurn b' },
    },
    {
      name: 'makes all members wait for a member that is rolling with the new identity',
      members: [member('z', { state: 'rolling' }), member('a', wants), member('b', wants)],
      slots: { a: 'WaitingForTurn z', b: 'WaitingForTurn a' },
    },
    {
      name: 'makes all members wait for a member that is rolling for another reason',
      members: [member('z', { state: 'rolling', hasWanted: false }), member('a', wants)],
      slots: { a: 'WaitingForTurn z' },
    },
    {
      name: 'stops all members while a member with the new identity fails',
      members: [member('z', { state: 'failed' }), member('a', wants), member('b', wants)],
      slots: { a: 'PausedByFailedRollout z', b: 'PausedByFailedRollout z' },
    },
    {
      name: 'gives the slot despite a member that fails with an older identity and does not want the slot',
      members: [member('z', { state: 'failed', hasWanted: false }), member('a', wants)],
      slots: { a: 'go' },
    },
    {
      name: 'gives the slot last to a member that already fails',
      members: [member('a', { ...wants, state: 'failed' }), member('b', wants)],
      slots: { b: 'go', a: 'WaitingForTurn b' },
    },
    {
      name: 'gives the slot first to a member that is mid-rollout and wants the new identity',
      members: [member('b', { ...wants, state: 'rolling' }), member('a', wants)],
      slots: { b: 'go', a: 'WaitingForTurn b' },
    },
    {
      name: 'gives the slot to the first of two members that are mid-rollout and want it, because their rollouts may never finish',
      members: [member('a', { ...wants, state: 'rolling' }), member('b', { ...wants, state: 'rolling' })],
      slots: { a: 'go', b: 'WaitingForTurn a' },
    },
    {
      name: 'gives the slot to neither of two members that are mid-rollout while a third member rolls with the new identity',
      members: [
        member('a', { ...wants, state: 'rolling' }),
        member('b', { ...wants, state: 'rolling' }),
        member('z', { state: 'rolling' }),
      ],
      slots: { a: 'WaitingForTurn z', b: 'WaitingForTurn a' },
    },
    {
      name: 'gives the slot again to a member whose template was refused, and stops the other members',
      members: [member('b', { ...wants, state: 'refused' }), member('a', wants)],
      slots: { b: 'go', a: 'PausedByFailedRollout b' },
    },
  ])('$name', ({ members, slots }) => {
    expect(reported(members)).toEqual(slots);
  });
});

describe('rolloutBlockerOf', () => {
  test('returns the blocker and the number of members that wait for it', () => {
    const failed = member('z', { state: 'failed' });
    expect(rolloutBlockerOf([failed, member('a', wants), member('b', wants), member('c')])).toMatchObject({
      reason: 'PausedByFailedRollout',
      message: expect.stringMatching(/held back by z, which is not healthy.*; 2 workloads are held back$/),
    });
  });

  test.each([
    ['no member waits', [member('z', { state: 'failed' }), member('a')]],
    ['members only wait for their rollout slot', [member('z', { state: 'rolling' }), member('a', wants)]],
  ] as const)('is undefined while %s', (_name, members) => {
    expect(rolloutBlockerOf(members)).toBeUndefined();
  });
});
