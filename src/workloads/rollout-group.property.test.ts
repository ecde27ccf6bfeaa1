import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assignSlots, type RolloutMember } from './rollout-group.ts';

const members: fc.Arbitrary<readonly RolloutMember[]> = fc.uniqueArray(
  fc
    .record({
      id: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      wants: fc.boolean(),
      hasWanted: fc.boolean(),
      state: fc.constantFrom('steady' as const, 'rolling' as const, 'failed' as const, 'refused' as const),
      rank: fc.nat(2),
    })
    // Keeps generated members consistent: a member that has the wanted identity does not want the slot, and only a
    // member that wants the slot can be refused.
    .map((member) => ({
      ...member,
      hasWanted: member.hasWanted && !member.wants,
      state: member.state === 'refused' && !member.wants ? ('failed' as const) : member.state,
    })),
  { selector: ({ id }) => id },
);

const isBusy = ({ state, hasWanted }: RolloutMember): boolean =>
  state === 'rolling' || (state === 'failed' && hasWanted);
const going = (list: readonly RolloutMember[]): readonly string[] =>
  [...assignSlots(list)].filter(([, { kind }]) => kind === 'go').map(([id]) => id);

describe('assignSlots', () => {
  test('gives the slot to at most one member, and to none while a member that does not want the slot is mid-rollout', () => {
    fc.assert(
      fc.property(members, (list) => {
        const gone = going(list);
        expect(gone.length).toBeLessThanOrEqual(1);
        for (const id of gone)
          expect(list.filter((other) => other.id !== id && isBusy(other) && !other.wants)).toEqual([]);
      }),
    );
  });

  test('gives the slot to one of the members that want it, if no other member is mid-rollout', () => {
    fc.assert(
      fc.property(members, (list) => {
        const inTheWay = list.filter((member) => isBusy(member) && !member.wants);
        fc.pre(list.some(({ wants }) => wants) && inTheWay.length === 0);
        expect(going(list)).toHaveLength(1);
      }),
    );
  });

  test('does not depend on the order of the members', () => {
    fc.assert(
      fc.property(
        members.chain((list) =>
          fc.tuple(fc.constant(list), fc.shuffledSubarray([...list], { minLength: list.length })),
        ),
        ([list, shuffled]) => {
          expect(new Map(assignSlots(shuffled))).toEqual(new Map(assignSlots(list)));
        },
      ),
    );
  });

  test('rolls every member to the new identity exactly once, one at a time, also across restarts of the operator', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1 }),
        fc.array(fc.nat(2), { minLength: 5, maxLength: 5 }),
        (ids, ranks) => {
          let list: readonly RolloutMember[] = ids.map((id, index) => ({
            id,
            wants: true,
            hasWanted: false,
            state: 'steady',
            rank: ranks[index] ?? 0,
          }));
          const order: string[] = [];
          // In each pass, the slot is assigned only from the observed state, as by an operator that has just started.
          for (let pass = 0; pass < 2 * ids.length; pass += 1) {
            const [id] = going(list);
            if (id !== undefined) order.push(id);
            list = list.map((entry): RolloutMember => {
              if (entry.id === id) return { ...entry, wants: false, hasWanted: true, state: 'rolling' };
              return entry.state === 'rolling' ? { ...entry, state: 'steady' } : entry;
            });
          }
          expect(order.toSorted()).toEqual(ids.toSorted());
        },
      ),
    );
  });
});
