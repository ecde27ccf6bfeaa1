/**
 * Planted bugs that have effects only while an operator of another version also runs, or after the cluster or AWS was
 * restored from a backup.
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
      'The operator applies only the fields that it knows, and reverts as drift what a later version applied for the other fields.',
    wrappers: [around(newerSpecMessage, () => () => undefined)],
    scenario: 'an operator of a later version applies a new field of an account, which is then removed',
    caughtBy: 'in step in time',
  },
  {
    name: 'fields of a later version in an app are ignored',
    story: 'The app is rolled out without the effect of the unknown field.',
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
    name: 'a status that reports Ready is trusted without a check',
    story:
      'Only a new generation causes work (controller-runtime has a predicate for this), so a restored object whose status reports Ready is not reconciled.',
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
    story: 'The restored account has another uid, so the operator treats the role as foreign.',
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
    name: 'a role that is restored under another id is not reconciled',
    story: 'IAM gives each new role another id, so the operator treats the restored role as foreign.',
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
