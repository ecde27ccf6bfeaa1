/** Planted bugs in the check whether a role or an association belongs to the account. */
import { ownershipOf } from '../../../../src/identity/desired/ownership.ts';
import { assessRole } from '../../../../src/identity/plan/role.ts';
import { tagValue } from '../../../../src/identity/desired/tags.ts';
import { applyStep } from '../../../../src/operator/account/apply-step.ts';
import { around, overriding, type PlantedBug } from '../planted-bug.ts';

export const ownershipBugs: readonly PlantedBug[] = [
  {
    name: 'the owner of a role is checked only after the write',
    story:
      'The operator treats the error that the role exists as the result of its own earlier attempt, and learns the owner only from the next listing.',
    wrappers: [
      around(applyStep, (original) => (step, account, tools, signal) => {
        const roles = overriding(tools.roles, {
          async create(spec, abort) {
            try {
              return await tools.roles.create(spec, abort);
            } catch (error) {
              if ((error as { readonly code?: string }).code !== 'RoleAlreadyExists') throw error;
              return { arn: `arn:aws:iam::123456789012:role/${spec.name}`, id: 'AROATHEIRS' };
            }
          },
        });
        return original(step, account, { ...tools, roles }, signal);
      }),
    ],
    scenario: 'a foreign role already has the role name that an account needs',
    caughtBy: 'foreign role',
  },
  {
    name: 'a creation that fails with EntityAlreadyExists is repeated for ever',
    story:
      'A creation whose response was lost is repeated for ever, without a read. Many controllers of cloud resources had this bug.',
    wrappers: [
      around(assessRole, (original) => (world, ...others) => {
        const failures = [...world.failures].filter(([, { code }]) => code !== 'RoleAlreadyExists');
        return original({ ...world, failures: new Map(failures) }, ...others);
      }),
    ],
    scenario: 'a foreign role already has the role name that an account needs',
    caughtBy: 'in step in time',
  },
  {
    name: 'a recreated account leaves the role of its predecessor behind',
    story: 'The role of a deleted account with the same name is neither adopted nor deleted.',
    wrappers: [
      around(ownershipOf, (original) => (owned, owner) => {
        const ownership = original(owned, owner);
        return ownership === 'earlier' ? 'foreign' : ownership;
      }),
    ],
    scenario: 'the finalizer is removed by hand, and the account is created again',
    caughtBy: 'end state',
  },
  {
    name: 'a role is created for an account that no longer exists',
    story:
      'A new leader with a stale view recreates what its predecessor removed. Sieve (OSDI 2022): time travel.',
    wrappers: [
      around(applyStep, (original) => (step, account, tools, signal) => {
        const accounts = overriding(tools.accounts, { isFresh: () => true });
        return original(step, account, { ...tools, accounts }, signal);
      }),
    ],
    scenario: 'an account is deleted',
    plans: 'olderView',
    caughtBy: 'two views',
  },
  {
    name: 'a foreign association is adopted',
    story:
      'The association has the expected namespace and name, so the operator treats the association as its own.',
    wrappers: [
      around(ownershipOf, (original) => (owned, owner) => {
        const isForeign = !('k11n.dev/managed-by' in owned.tags) && 'team' in owned.tags;
        return isForeign ? 'ours' : original(owned, owner);
      }),
    ],
    scenario: 'a foreign association blocks a target, and is then deleted',
    caughtBy: 'foreign association',
  },
  {
    name: 'the issuer of a role is not compared',
    story:
      'Two clusters have the same name, or one is a copy of the other: their operators take over each other’s roles again and again.',
    wrappers: [
      around(ownershipOf, (original) => (owned, owner) => {
        const ownership = original(owned, owner);
        return ownership === 'otherIssuer' ? 'ours' : ownership;
      }),
    ],
    scenario: 'a role of another cluster with the same name already has the role name that an account needs',
    caughtBy: 'foreign role',
  },
  {
    name: 'tag keys are compared with their letter case',
    story:
      'IAM ignores the letter case of tag keys. With an exact comparison, the operator loses a role permanently once a tag key is written in other case.',
    wrappers: [around(tagValue, () => (tags, key) => tags[key])],
    scenario: 'the ownership tags of a role are written in another case, and its policies are edited',
    caughtBy: 'end state',
  },
];
