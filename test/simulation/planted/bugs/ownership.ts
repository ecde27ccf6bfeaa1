/** Planted bugs in the check whether a role or an association belongs to the account. */
import { ownershipOf } from '../../../../src/identity/desired/ownership.ts';
import { assessRole } from '../../../../src/identity/plan/role.ts';
import { tagValue } from '../../../../src/identity/desired/tags.ts';
import { applyStep } from '../../../../src/operator/account/apply-step.ts';
import { around, overriding, type PlantedBug } from '../planted-bug.ts';

export const ownershipBugs: readonly PlantedBug[] = [
  {
    name: 'owner check after the write',
    story:
      'The operator takes "the role exists already" for the answer to an earlier try, and sees the owner only in the next listing.',
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
    scenario: 'a foreign role has the name of the role',
    caughtBy: 'foreign role',
  },
  {
    name: 'EntityAlreadyExists wedges',
    story:
      'A create whose answer was lost is tried again for ever, without a read. Many controllers of cloud resources had it.',
    wrappers: [
      around(assessRole, (original) => (world, ...others) => {
        const failures = [...world.failures].filter(([, { code }]) => code !== 'RoleAlreadyExists');
        return original({ ...world, failures: new Map(failures) }, ...others);
      }),
    ],
    scenario: 'a foreign role has the name of the role',
    caughtBy: 'in step in time',
  },
  {
    name: 'orphan on re-creation',
    story: 'The role of an earlier object of the same name is neither adopted again nor deleted.',
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
      'A new leader with an old view creates again what its predecessor removed. Sieve (OSDI 2022): time travel.',
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
    story: 'It is at the expected name, so the operator takes it for its own.',
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
      'Two clusters have one name, or one was copied from the other: each takes the roles of the other, in turns.',
    wrappers: [
      around(ownershipOf, (original) => (owned, owner) => {
        const ownership = original(owned, owner);
        return ownership === 'otherIssuer' ? 'ours' : ownership;
      }),
    ],
    scenario: 'a role of another cluster of the same name has the name of the role',
    caughtBy: 'foreign role',
  },
  {
    name: 'the case of tag keys counts',
    story:
      'IAM keeps one tag under a key in any case. An exact comparison loses the role for good once its tags are written in another case.',
    wrappers: [around(tagValue, () => (tags, key) => tags[key])],
    scenario: 'the ownership tags of a role are written in another case, and its policies are edited',
    caughtBy: 'end state',
  },
];
