/** Planted bugs that affect the reported last use of roles. */
import { withLastUsed } from '../../../../src/identity/plan/last-used.ts';
import { commonUse, laterUse } from '../../../../src/identity/state/role-use.ts';
import { formatTime } from '../../../../src/k8s/timestamps.ts';
import { around, type PlantedBug } from '../planted-bug.ts';

const scenario = 'roles are used beside a foreign role, and are then recreated under other ids';

export const lastUseBugs: readonly PlantedBug[] = [
  {
    name: 'the last use of a foreign role',
    story: 'The operator looks the role up by its name and does not check the ownership tags.',
    wrappers: [
      around(withLastUsed, (original) => (world, status) => {
        const lastUsed = commonUse([...world.roles.values()].flatMap(({ role }) => role ?? []));
        return lastUsed ? { ...original(world, status), lastUsed } : original(world, status);
      }),
    ],
    scenario,
    caughtBy: 'last use',
  },
  {
    name: 'the last use of a role that was recreated since',
    story: 'The operator keeps the last use by the name of the role, which the next role of that name gets.',
    wrappers: [
      around(
        laterUse,
        (original) => (before, now) => original(before ? { ...before, id: now.id } : before, now),
      ),
    ],
    scenario,
    caughtBy: 'last use',
  },
  {
    name: 'a later use is never seen',
    story: 'The comparison of roles leaves out the last use, so that the first one stays in the status.',
    wrappers: [
      around(
        laterUse,
        (original) => (before, now) => (before?.id === now.id ? before.lastUsed : original(before, now)),
      ),
    ],
    scenario,
    caughtBy: 'last use',
  },
  {
    name: 'the status has the time when the last use was read',
    story: 'Each reconcile writes the status, although the last use is the same.',
    wrappers: [
      around(withLastUsed, (original) => (world, status) => {
        const { lastUsed, ...others } = original(world, status);
        return lastUsed
          ? { ...others, lastUsed: { ...lastUsed, trackedSince: formatTime(world.date) } }
          : others;
      }),
    ],
    scenario,
    caughtBy: 'rest',
  },
];
