/** Planted bugs in the deletion of an account. */
import { rolesOfOtherClusters } from '../../../../src/identity/plan/cluster-change.ts';
import { decideUnassociate, planDeletion } from '../../../../src/identity/plan/deletion.ts';
import { retainedTag, tagKeysLostOnRetain } from '../../../../src/identity/desired/ownership.ts';
import { planAccount } from '../../../../src/identity/plan/account.ts';
import { applyStep } from '../../../../src/operator/account/apply-step.ts';
import { around, overriding, type PlantedBug } from '../planted-bug.ts';

/** Plants this bug: the last step removes the finalizer without checking whether ServiceAccounts are still linked. */
const withoutLastLook = around(applyStep, (original) => (step, account, tools, signal) => {
  const blind = overriding(tools.client, {
    list: async () => ({ items: [], resourceVersion: '1' }),
  });
  const client = step.kind === 'RemoveFinalizer' ? blind : tools.client;
  return original(step, account, { ...tools, client }, signal);
});

export const deletionBugs: readonly PlantedBug[] = [
  {
    name: 'a deletion under another cluster leaves the role',
    story:
      'The operator looks up the role by the name for the present cluster, does not find it, and completes the deletion of the account.',
    wrappers: [around(rolesOfOtherClusters, () => () => [])],
    scenario: 'an account is deleted while the ClusterConfig names another region, which is then restored',
    caughtBy: 'orphan',
  },
  {
    name: 'the finalizer is removed first',
    story:
      'The account disappears before its role and links; whatever cannot be removed afterwards is orphaned for ever.',
    wrappers: [
      around(planDeletion, (original) => (world, facts, roleNames, list) => {
        list.addStep({ kind: 'RemoveFinalizer' });
        return list.steps.length > 0
          ? { reason: 'Deleting', message: 'the finalizer is being removed' }
          : original(world, facts, roleNames, list);
      }),
      withoutLastLook,
    ],
    scenario: 'an account is deleted',
    caughtBy: 'orphan',
  },
  {
    name: 'an account is deleted while pods use it',
    story: 'The role is deleted while running pods depend on it.',
    wrappers: [
      around(planAccount, (original) => (world) => {
        const isDeleted = world.account.metadata.deletionTimestamp !== undefined;
        const targets = world.targets.map((target) => (isDeleted ? { ...target, users: [] } : target));
        return original({ ...world, targets });
      }),
    ],
    scenario: 'an app stops using its account, which is deleted meanwhile',
    caughtBy: 'in use',
  },
  {
    name: 'associations remain when their account is deleted',
    story: 'The deletion forgets the objects in EKS, which is another service than IAM.',
    wrappers: [
      around(
        decideUnassociate,
        (original) => (world, facts, target, why) =>
          world.account.metadata.deletionTimestamp === undefined
            ? original(world, facts, target, why)
            : undefined,
      ),
    ],
    scenario: 'an account in Pod Identity loses a target, and is deleted',
    caughtBy: 'orphan',
  },
  {
    name: 'an object that no watch reported does not exist',
    story:
      'The response to a creation is lost and the watch misses the object, so the deletion does not remove this unknown object.',
    wrappers: [withoutLastLook],
    scenario: 'an account is deleted right after it was created',
    plans: 'unheard',
    caughtBy: 'orphan',
  },
  {
    name: 'ownership is removed before the role is tagged as retained',
    story:
      'A crash between the two writes leaves a role that pods can still assume and that no listing shows.',
    wrappers: [
      around(planDeletion, (original) => (world, facts, roleNames, list) => {
        const reordered = overriding(list, {
          addStep(step) {
            if (step.kind === 'TagRole' && retainedTag in step.tags)
              list.addStep({ kind: 'UntagRole', role: step.role, keys: tagKeysLostOnRetain });
            return list.addStep(step);
          },
        });
        return original(world, facts, roleNames, reordered);
      }),
    ],
    scenario: 'an account is deleted with Retain',
    caughtBy: 'orphan',
  },
];
