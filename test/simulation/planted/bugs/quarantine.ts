/** Planted bugs in the quarantine of accounts. */
import { deniedPods, isOfWholeAccount } from '../../../../src/identity/desired/pod-denial.ts';
import { planAccount } from '../../../../src/identity/plan/account.ts';
import { oldPods, planQuarantine, planRelease, retire } from '../../../../src/identity/plan/quarantine.ts';
import { planPodDenial } from '../../../../src/identity/plan/pod-denial.ts';
import { around, type PlantedBug } from '../planted-bug.ts';

const twoPods =
  'two pods of an account are quarantined, its role and its spec change, and one pod is released';

export const quarantineBugs: readonly PlantedBug[] = [
  {
    name: 'drift repair undoes a quarantine',
    story: 'Like an older operator, the planner does not know Quarantines, and detaches AWSDenyAll as drift.',
    wrappers: [around(planAccount, (original) => (world) => original({ ...world, quarantines: [] }))],
    scenario: 'an account is quarantined and released',
    caughtBy: 'quarantine',
  },
  {
    name: 'an account is opened again with the same role',
    story:
      'The sessions from before the quarantine work again, because they are bound to the id of the role.',
    wrappers: [around(planRelease, () => () => undefined)],
    scenario: 'an account is quarantined and released',
    caughtBy: 'quarantine',
  },
  {
    name: 'AWSDenyAll is detached before the role is deleted',
    story:
      'Between the two calls, older sessions have the permissions that resource policies and other attachments allow.',
    wrappers: [
      around(retire, (original) => (role, facts) => {
        const [policyArn] = role.attachedPolicyArns.toReversed();
        if (policyArn === undefined) return original({ ...role, permissionsBoundaryArn: '' }, facts).slice(1);
        return [{ kind: 'DetachPolicy', role: role.name, policyArn, why: 'it is released' }];
      }),
    ],
    scenario: 'an account is quarantined and released',
    caughtBy: 'quarantine',
  },
  {
    name: 'a released account is opened while pods from before the quarantine run',
    story: 'An intruder in a pod gets new credentials at once, with the token that the kubelet renews.',
    wrappers: [around(oldPods, () => () => [])],
    scenario: 'a quarantined account is released while pods from before the quarantine run',
    caughtBy: 'quarantine',
  },
  {
    name: 'a role that a quarantine closed is not tagged as closed',
    story: 'After a crash and the end of the quarantine, a closed role without this tag looks like drift.',
    wrappers: [
      around(
        planQuarantine,
        (original) => (world, facts, names, list) =>
          original(world, facts, names, {
            ...list,
            addStep: (step) => {
              const isMark = step.kind === 'TagRole' && step.tags['k11n.dev/quarantined'] === 'closing';
              const failure = {
                code: 'AccessDenied',
                message: '',
                at: 0,
                attempts: 1,
                retryAt: Infinity,
              } as const;
              return isMark ? failure : list.addStep(step);
            },
          }),
      ),
    ],
    scenario: 'an account is quarantined and released at once',
    caughtBy: 'quarantine',
  },
  {
    name: 'the quarantine of one pod cuts off the whole account',
    story: 'Like an older operator, the planner ignores the pods that a Quarantine names.',
    wrappers: [around(isOfWholeAccount, () => () => true)],
    scenario: twoPods,
    caughtBy: 'quarantine',
  },
  {
    name: 'drift repair gives a quarantined pod access',
    story: 'The planner removes the denial as an inline policy that no account lists.',
    wrappers: [
      around(
        planPodDenial,
        (original) => (world, facts, list) => original({ ...world, quarantines: [] }, facts, list),
      ),
    ],
    scenario: twoPods,
    caughtBy: 'quarantine',
  },
  {
    name: 'the second quarantined pod replaces the first one',
    story: 'The denial is rendered from the newest Quarantine instead of all Quarantines.',
    wrappers: [around(deniedPods, (original) => (of) => original(of).slice(-1))],
    scenario: twoPods,
    caughtBy: 'quarantine',
  },
  {
    name: 'the role that follows a quarantine of the account does not deny its quarantined pod',
    story:
      'The denial is written once, when the Quarantine is created, and is not added to a role that is created later.',
    wrappers: [
      around(planPodDenial, (original) => (world, facts, list, isServing) => {
        const hasNew = world.account.status?.quarantinedPods?.every(({ denied }) => denied) === true;
        return hasNew
          ? { rows: [...(world.account.status?.quarantinedPods ?? [])] }
          : original(world, facts, list, isServing);
      }),
    ],
    scenario: 'a pod of an account is quarantined, then the account, and both are released',
    caughtBy: 'quarantine',
  },
];
