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
      name: 'of several the first by name goes, and the others say whom they come after',
      members: [member('c', wants), member('a', wants), member('b', wants)],
      slots: { a: 'go', b: 'WaitingForTurn a', c: 'WaitingForTurn b' },
    },
    {
      name: 'the rank goes before the name',
      members: [member('a', { ...wants, rank: 1 }), member('b', wants)],
      slots: { b: 'go', a: 'WaitingForTurn b' },
    },
    {
      name: 'one that rolls with the new identity is waited for',
      members: [member('z', { state: 'rolling' }), member('a', wants), member('b', wants)],
      slots: { a: 'WaitingForTurn z', b: 'WaitingForTurn a' },
    },
    {
      name: 'one that rolls for something else is waited for',
      members: [member('z', { state: 'rolling', hasWanted: false }), member('a', wants)],
      slots: { a: 'WaitingForTurn z' },
    },
    {
      name: 'one that fails with the new identity stops all others',
      members: [member('z', { state: 'failed' }), member('a', wants), member('b', wants)],
      slots: { a: 'PausedByFailedRollout z', b: 'PausedByFailedRollout z' },
    },
    {
      name: 'one that fails with an older identity, and gets no other, stops nobody',
      members: [member('z', { state: 'failed', hasWanted: false }), member('a', wants)],
      slots: { a: 'go' },
    },
    {
      name: 'one that fails already goes last',
      members: [member('a', { ...wants, state: 'failed' }), member('b', wants)],
      slots: { b: 'go', a: 'WaitingForTurn b' },
    },
    {
      name: 'one in the middle of a roll goes on to a yet newer identity, before others',
      members: [member('b', { ...wants, state: 'rolling' }), member('a', wants)],
      slots: { b: 'go', a: 'WaitingForTurn b' },
    },
    {
      name: 'of two that roll for something else, which may never be done, the first goes on',
      members: [member('a', { ...wants, state: 'rolling' }), member('b', { ...wants, state: 'rolling' })],
      slots: { a: 'go', b: 'WaitingForTurn a' },
    },
    {
      name: 'of two that roll for something else neither goes on while a third rolls with the new identity',
      members: [
        member('a', { ...wants, state: 'rolling' }),
        member('b', { ...wants, state: 'rolling' }),
        member('z', { state: 'rolling' }),
      ],
      slots: { a: 'WaitingForTurn z', b: 'WaitingForTurn a' },
    },
    {
      name: 'one whose template is refused is tried on, and the others wait',
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
    ['they wait for their turn', [member('z', { state: 'rolling' }), member('a', wants)]],
  ] as const)('is undefined while %s', (_name, members) => {
    expect(rolloutBlockerOf(members)).toBeUndefined();
  });
});
