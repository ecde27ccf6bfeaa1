/** Scenarios: accounts and single pods are quarantined and released. */
import { podDenialName } from '../../../src/identity/index.ts';
import {
  atOnce,
  changeRoles,
  create,
  deploy,
  edit,
  foreignRole,
  fullAccess,
  intruder,
  otherIntruder,
  policies,
  put,
  quarantine,
  quarantinePod,
  queue,
  sendMessages,
  readOnly,
  release,
  releasePod,
  releaseWithPods,
  remove,
  wait,
} from '../acts.ts';
import { policiesPerRole } from '../simulated-aws.ts';
import { type Scenario } from './scenario.ts';

/** Account whose pods use EKS Pod Identity, and whose role may have inline policies. */
const bounded = {
  policyArns: [readOnly],
  permissionsBoundaryArn: fullAccess,
  identityMode: 'PodIdentity' as const,
};

export const quarantineScenarios: readonly Scenario[] = [
  {
    name: 'an account is quarantined and released',
    acts: [create('a', { aws: { policyArns: [readOnly, queue] } }), quarantine('a'), release('a')],
  },
  {
    name: 'an account is quarantined and released at once',
    acts: [create('a'), atOnce(quarantine('a'), wait(700), release('a'))],
  },
  {
    name: 'an account that an app uses is quarantined, and released with its pods',
    acts: [create('a'), deploy('app', { serviceAccount: 'a' }), quarantine('a'), releaseWithPods('a')],
  },
  {
    name: 'an account in Pod Identity that an app uses is quarantined, and released with its pods',
    acts: [
      create('a', { aws: { identityMode: 'PodIdentity' } }),
      deploy('app', { serviceAccount: 'a' }),
      quarantine('a'),
      releaseWithPods('a'),
    ],
  },
  {
    name: 'a quarantined account is released while pods from before the quarantine run',
    acts: [create('a'), deploy('app', { serviceAccount: 'a' }), quarantine('a'), release('a')],
  },
  {
    name: 'a quarantined account is edited, by its team and by responders, and released',
    acts: [
      create('a', { aws: { policyArns: [readOnly, queue] } }),
      quarantine('a'),
      changeRoles((role) => ({
        ...role,
        attachedPolicyArns: role.attachedPolicyArns.filter((arn) => arn !== queue),
        inlinePolicyNames: ['AWSRevokeOlderSessions'],
      })),
      edit('a', { aws: { policyArns: [fullAccess] } }),
      changeRoles((role) => ({ ...role, attachedPolicyArns: [readOnly] })),
      release('a'),
    ],
  },
  {
    name: 'an account with as many policies as IAM allows is quarantined, deleted and released',
    acts: [
      create('a', { aws: { policyArns: [...policies(policiesPerRole)] } }),
      quarantine('a'),
      remove('a'),
      release('a'),
    ],
  },
  {
    name: 'an account with an adopted role is quarantined and released',
    acts: [
      put(foreignRole('theirs')),
      create('a', { aws: { roleName: 'theirs', adopt: true } }),
      quarantine('a'),
      release('a'),
    ],
  },
  {
    name: 'two pods of an account are quarantined, its role and its spec change, and one pod is released',
    acts: [
      create('a', { aws: { ...bounded, statements: [sendMessages] } }),
      deploy('app', { serviceAccount: 'a' }),
      quarantinePod('a', intruder),
      atOnce(quarantinePod('a', otherIntruder), edit('a', { aws: bounded })),
      changeRoles(({ podDenial: _, ...role }) => ({
        ...role,
        inlinePolicyNames: role.inlinePolicyNames.filter((name) => name !== podDenialName),
      })),
      releasePod('a', intruder),
      remove('a'),
    ],
  },
  {
    name: 'a pod of an account is quarantined, then the account, and both are released',
    acts: [
      create('a', { aws: bounded }),
      quarantinePod('a', intruder),
      quarantine('a'),
      release('a'),
      atOnce(releasePod('a', intruder), edit('a', { aws: { ...bounded, policyArns: [queue] } })),
    ],
  },
];
