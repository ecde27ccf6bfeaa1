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
    { name: 'nobody wants anything', members: [member('a'), member('b')], slots: {} },
    { name: 'one alone goes', members: [member('a', wants), member('b')], slots: { a: 'go' } },
    {
      name: 'the first of several members by name rolls, and the others name the one that they wait for',
      members: [member('c', wants), member('a', wants), member('b', wants)],
      slots: { a: 'go', b: 'WaitingForTurn a', c: 'WaitingForTurn b' },
    },
    {
      name: 'the rank takes precedence over the name',
      members: [member('a', { ...wants, rank: 1 }), member('b', wants)],
      slots: { b: 'go', a: 'WaitingForTurn b' },
    },
    {
      name: 'the others wait for a member that rolls with the new identity',
      members: [member('z', { state: 'rolling' }), member('a', wants), member('b', wants)],
      slots: { a: 'WaitingForTurn z', b: 'WaitingForTurn a' },
    },
    {
      name: 'the others wait for a member that rolls for another reason',
      members: [member('z', { state: 'rolling', hasWanted: false }), member('a', wants)],
      slots: { a: 'WaitingForTurn z' },
    },
    {
      name: 'a member that fails with the new identity stops all others',
      members: [member('z', { state: 'failed' }), member('a', wants), member('b', wants)],
      slots: { a: 'PausedByFailedRollout z', b: 'PausedByFailedRollout z' },
    },
    {
      name: 'a member that fails with an older identity, and gets no other, stops no other member',
      members: [member('z', { state: 'failed', hasWanted: false }), member('a', wants)],
      slots: { a: 'go' },
    },
    {
      name: 'a member that already fails rolls last',
      members: [member('a', { ...wants, state: 'failed' }), member('b', wants)],
      slots: { b: 'go', a: 'WaitingForTurn b' },
    },
    {
      name: 'a member that is mid-rollout continues with a newer identity before others',
      members: [member('b', { ...wants, state: 'rolling' }), member('a', wants)],
      slots: { b: 'go', a: 'WaitingForTurn b' },
    },
    {
      name: 'the first of two members that roll for another reason continues, because both may never finish',
      members: [member('a', { ...wants, state: 'rolling' }), member('b', { ...wants, state: 'rolling' })],
      slots: { a: 'go', b: 'WaitingForTurn a' },
    },
    {
      name: 'neither of two members that roll for another reason continues while a third rolls with the new identity',
      members: [
        member('a', { ...wants, state: 'rolling' }),
        member('b', { ...wants, state: 'rolling' }),
        member('z', { state: 'rolling' }),
      ],
      slots: { a: 'WaitingForTurn z', b: 'WaitingForTurn a' },
    },
    {
      name: 'a member whose template is refused is retried, and the others wait',
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
    ['nobody waits', [member('z', { state: 'failed' }), member('a')]],
    ['they wait for their rollout slot', [member('z', { state: 'rolling' }), member('a', wants)]],
  ] as const)('is undefined while %s', (_name, members) => {
    expect(rolloutBlockerOf(members)).toBeUndefined();
  });
});
