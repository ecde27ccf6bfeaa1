/** Planted bugs in the attachment of policies to a role. */
import { listedPolicies } from '../../../../src/identity/desired/policy-names.ts';
import { hasStatements, inlinePolicyName } from '../../../../src/identity/desired/statements.ts';
import { planStatements, statementsDiffer } from '../../../../src/identity/plan/statements.ts';
import { assessRole } from '../../../../src/identity/plan/role.ts';
import { keptPolicies, planPolicies } from '../../../../src/identity/plan/policies.ts';
import { createRoleCache } from '../../../../src/operator/observed-state/roles.ts';
import { around, overriding, type PlantedBug } from '../planted-bug.ts';

/** Time after a write, in milliseconds, during which a response from IAM may still show the state before the write. */
const settleMs = 15_000;

export const policyBugs: readonly PlantedBug[] = [
  {
    name: 'a policy is detached before its replacement is attached',
    story: 'An edit that replaces a policy leaves the pods with neither of the two policies for a while.',
    wrappers: [
      around(planPolicies, (original) => (list, role, wanted, listed, policiesPerRole) => {
        const unlisted = role.attachedPolicyArns.filter((arn) => !wanted.includes(arn));
        for (const policyArn of unlisted)
          list.addStep({ kind: 'DetachPolicy', role: role.name, policyArn, why: 'it is not listed' });
        return original(list, role, wanted, listed, policiesPerRole);
      }),
    ],
    scenario: 'policies are edited',
    caughtBy: 'gap',
  },
  {
    name: 'an old snapshot undoes a recent write',
    story:
      'IAM is eventually consistent: a listing shows the state before the operator’s last write, so the operator reverts that write as drift.',
    wrappers: [
      around(createRoleCache, (original) => (now) => {
        const cache = original(now);
        return overriding(cache, {
          read: (name, role, startedAt) => cache.read(name, role, startedAt + settleMs),
          listed: (snapshot, clusterArn) =>
            cache.listed({ ...snapshot, startedAt: snapshot.startedAt + settleMs }, clusterArn),
        });
      }),
    ],
    scenario: 'policies are edited right before drift detection',
    plans: 'oldReads',
    caughtBy: 'counts',
  },
  {
    name: 'an invalid spec removes access that pods use',
    story: 'The operator applies as much of an invalid spec as it can, and begins with the removals.',
    wrappers: [
      around(assessRole, (original) => (world, facts, spec, policyArns, ...others) => {
        const isInvalid = listedPolicies(world.account.spec.aws, facts).length > facts.quotas.policiesPerRole;
        return original(world, facts, spec, isInvalid ? [] : policyArns, ...others);
      }),
    ],
    scenario: 'too many policies are listed, then the edit is reverted',
    caughtBy: 'narrowing',
  },
  {
    name: 'one invalid policy prevents the attachment of later policies',
    story:
      'The first error ends the loop over the list, so the policies after the failed policy are never attached.',
    wrappers: [
      around(planPolicies, (original) => (list, ...others) => {
        let attachments = 0;
        const first = overriding(list, {
          addStep(step) {
            if (step.kind === 'AttachPolicy') attachments += 1;
            return attachments > 1 ? undefined : list.addStep(step);
          },
        });
        return original(first, ...others);
      }),
    ],
    scenario: 'one of three policies does not exist, and is created later',
    caughtBy: 'in step in time',
  },
  {
    name: 'statements are removed before they are written again',
    story: 'An edit of the statements leaves the pods without any statement for a while.',
    wrappers: [
      around(planStatements, (original) => (list, role, spec, desired) => {
        if (!hasStatements(role) || !statementsDiffer(role, desired))
          return original(list, role, spec, desired);
        list.addStep({ kind: 'DeleteInlinePolicy', role: role.name, policyName: inlinePolicyName });
        return { isAwaited: true };
      }),
    ],
    scenario: 'statements are written, changed and removed, and then their boundary',
    caughtBy: 'narrowing',
  },
  {
    name: 'a narrower list of allowed policies is enforced at once',
    story: 'One edit of the ClusterConfig takes permissions from the running pods of every account.',
    wrappers: [
      around(
        keptPolicies,
        (original) => (role, refused, before, facts) =>
          before?.length ? [] : original(role, refused, before, facts),
      ),
    ],
    scenario: 'the cluster allows fewer policies, and then their detachment is consented to',
    caughtBy: 'narrowing',
  },
];
