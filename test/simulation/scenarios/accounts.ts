/** Scenarios: accounts are created, edited and deleted. */
import {
  atOnce,
  clusterAllows,
  consentToDetach,
  create,
  edit,
  fullAccess,
  policies,
  queue,
  readObjects,
  sendMessages,
  readOnly,
  remove,
  untilGone,
  wait,
} from '../acts.ts';
import { policiesPerRole } from '../simulated-aws.ts';
import { driftIntervalMs } from '../simulation.ts';
import { type Scenario } from './scenario.ts';

/** Acts happen 5 s after a drift pass; after this delay 3 s remain until the next drift pass. */
const beforeDriftPassMs = driftIntervalMs - 8_000;

export const accountsScenarios: readonly Scenario[] = [
  { name: 'an account is created', acts: [create('a')] },
  {
    name: 'two accounts are created at once',
    acts: [atOnce(create('a'), create('b', { aws: { policyArns: [queue] } }))],
  },
  {
    name: 'an account is deleted',
    acts: [create('a', { aws: { policyArns: [readOnly, queue] } }), remove('a')],
  },
  {
    name: 'an account is deleted right after it was created',
    acts: [atOnce(create('a'), wait(2_000), remove('a'))],
  },
  {
    name: 'an account is created again under the same name',
    acts: [create('a'), atOnce(remove('a'), untilGone('a'), create('a', { aws: { policyArns: [queue] } }))],
  },
  {
    name: 'policies are edited',
    acts: [
      create('a', { aws: { policyArns: [readOnly, queue] } }),
      edit('a', { aws: { policyArns: [fullAccess, queue] } }),
    ],
  },
  {
    name: 'policies are listed by name, and one of them also by ARN',
    acts: [
      create('a', { aws: { policyArns: [queue] } }),
      edit('a', {
        aws: { policyArns: [queue, readOnly], policyNames: ['aws/AmazonS3ReadOnlyAccess', 'account/p0'] },
      }),
      edit('a', { aws: { policyArns: [], policyNames: ['aws/AmazonS3ReadOnlyAccess'] } }),
    ],
  },
  {
    name: 'statements are written, changed and removed, and then their boundary',
    acts: [
      create('a', { aws: { permissionsBoundaryArn: fullAccess, statements: [sendMessages] } }),
      edit('a', { aws: { permissionsBoundaryArn: fullAccess, statements: [sendMessages, readObjects] } }),
      edit('a', {
        aws: { policyArns: [queue], permissionsBoundaryArn: fullAccess, statements: [readObjects] },
      }),
      edit('a', { aws: { policyArns: [queue] } }),
    ],
  },
  {
    name: 'policies are edited right before drift detection',
    acts: [create('a'), atOnce(wait(beforeDriftPassMs), edit('a', { aws: { policyArns: [queue] } }))],
  },
  {
    name: 'an account lists a policy that does not exist, and is then corrected',
    acts: [
      ({ aws }) => void aws.missingPolicies.add(fullAccess),
      create('a', { aws: { policyArns: [readOnly, fullAccess] } }),
      edit('a', { aws: { policyArns: [readOnly] } }),
    ],
  },
  {
    name: 'boundary, session duration and tags are set and removed',
    acts: [
      create('a', {
        aws: { permissionsBoundaryArn: fullAccess, maxSessionDuration: 7200, tags: { team: 'x' } },
      }),
      edit('a', {}),
    ],
  },
  {
    name: 'the cluster allows fewer policies, and then their detachment is consented to',
    acts: [
      create('a', { aws: { policyArns: [readOnly, queue] } }),
      clusterAllows([readOnly]),
      consentToDetach([readOnly]),
    ],
  },
  {
    name: 'one of three policies does not exist, and is created later',
    acts: [
      ({ aws }) => void aws.missingPolicies.add(fullAccess),
      create('a', { aws: { policyArns: [fullAccess, readOnly, queue] } }),
      async ({ aws, time }) => {
        aws.missingPolicies.delete(fullAccess);
        // The operator retries the attachment of a missing policy after at most 300 s, which is longer than the time
        // between acts.
        await time.pass(90_000);
      },
    ],
  },
  {
    name: 'too many policies are listed, then the edit is reverted',
    acts: [
      create('a', { aws: { policyArns: [readOnly, queue] } }),
      edit('a', { aws: { policyArns: [...policies(policiesPerRole + 1)] } }),
      edit('a', { aws: { policyArns: [readOnly, queue] } }),
    ],
  },
];
