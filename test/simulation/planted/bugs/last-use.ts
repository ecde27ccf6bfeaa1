/** Planted bugs that affect the reported last use of roles. */
import { withLastUsed } from '../../../../src/identity/plan/last-used.ts';
import { commonUse, laterUse } from '../../../../src/identity/state/role-use.ts';
import { formatTime } from '../../../../src/k8s/time.ts';
import { around, type PlantedBug } from '../planted-bug.ts';

const scenario = 'roles are used beside a foreign role, and are then recreated under other ids';

export const lastUseBugs: readonly PlantedBug[] = [
  {
    name: 'the status reports the last use of a foreign role',
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
    name: 'the status reports the last use of a role that has been recreated since',
    story:
      'The operator stores the last use by role name, so a recreated role gets the last use of its predecessor.',
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
    name: 'a later use of a role is never reported',
    story: 'The comparison of roles leaves out the last use, so the first reported use stays in the status.',
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
    name: 'the status contains the time when the last use was read',
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
