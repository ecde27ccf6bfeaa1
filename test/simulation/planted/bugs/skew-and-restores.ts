/**
 * Planted bugs that appear next to an operator of another version, or after the cluster or AWS was restored from a
 * backup.
 */
import { newerSpecMessage } from '../../../../src/api/newer-fields.ts';
import { ownershipOf } from '../../../../src/identity/desired/ownership.ts';
import type { ObservedRole } from '../../../../src/identity/index.ts';
import { planAccount } from '../../../../src/identity/plan/account.ts';
import { isConditionTrue } from '../../../../src/k8s/conditions.ts';
import { createRoleCache } from '../../../../src/operator/observed-state/roles.ts';
import { around, overriding, type PlantedBug } from '../planted-bug.ts';

export const skewAndRestoreBugs: readonly PlantedBug[] = [
  {
    name: 'fields of a later version are ignored',
    story:
      'The operator does what the fields say that it knows, and undoes as drift what a later version did for the others.',
    wrappers: [around(newerSpecMessage, () => () => undefined)],
    scenario: 'an operator of a later version applies a new field of an account, which is then removed',
    caughtBy: 'in step in time',
  },
  {
    name: 'fields of a later version in an app are ignored',
    story: 'The app is rolled out without what the unknown field asks for.',
    wrappers: [
      around(
        newerSpecMessage,
        (original) => (kind, spec) => (kind === 'App' ? undefined : original(kind, spec)),
      ),
    ],
    scenario: 'an app gets a field of a later version and another image, and loses the field',
    caughtBy: 'in step in time',
  },
  {
    name: 'a status that is in sync is trusted',
    story:
      'Only a new generation is work (controller-runtime has a predicate for that), so a restored object whose status says Ready is left as it is.',
    wrappers: [
      around(planAccount, (original) => (world) => {
        const plan = original(world);
        const { metadata, status } = world.account;
        if (!status || metadata.deletionTimestamp !== undefined) return plan;
        const isInSync =
          status.observedGeneration === metadata.generation && isConditionTrue(status.conditions, 'Ready');
        return isInSync ? { ...plan, steps: [], status } : plan;
      }),
    ],
    scenario: 'etcd is restored from a backup: an edit and a deletion are undone',
    caughtBy: 'in step in time',
  },
  {
    name: 'a restored account does not adopt its role again',
    story: 'The restored object has another uid, so the operator takes the role for one of somebody else.',
    wrappers: [
      around(ownershipOf, (original) => (owned, owner) => {
        const ownership = original(owned, owner);
        return ownership === 'earlier' ? 'foreign' : ownership;
      }),
    ],
    scenario: 'the cluster is restored by a backup tool: accounts come back under other uids',
    caughtBy: 'in step in time',
  },
  {
    name: 'a role that comes back under another id is left as it is',
    story:
      'The operator takes it for a role of somebody else, because IAM gives another id to each role of that name.',
    wrappers: [
      around(createRoleCache, (original) => (now) => {
        const cache = original(now);
        const asKnown = (role: ObservedRole): ObservedRole => {
          const known = cache.roleOf(role.name);
          return known && known.id !== role.id ? known : role;
        };
        return overriding(cache, {
          read: (name, role, startedAt) => cache.read(name, role && asKnown(role), startedAt),
          listed: (snapshot, clusterArn) =>
            cache.listed({ ...snapshot, roles: snapshot.roles.map(asKnown) }, clusterArn),
        });
      }),
    ],
    scenario: 'roles are restored from a backup, older than the last edit and under other ids',
    caughtBy: 'in step in time',
  },
];
