/** Scenarios: an operator of a later version ran before. */
import {
  create,
  deploy,
  edit,
  editAsLaterVersion,
  fullAccess,
  queue,
  readOnly,
  redeploy,
  redeployAsLaterVersion,
} from '../acts.ts';
import { twoTargets, type Scenario } from './scenario.ts';

export const laterVersionsScenarios: readonly Scenario[] = [
  {
    name: 'an operator of a later version applies a new field of an account, which is then removed',
    acts: [
      create('a'),
      deploy('app', { serviceAccount: 'a' }),
      editAsLaterVersion('a', {}, (role) => ({
        ...role,
        attachedPolicyArns: [...role.attachedPolicyArns, queue],
      })),
      editAsLaterVersion('a', { aws: { policyArns: [fullAccess] } }, (role) => role),
      edit('a', { aws: { policyArns: [readOnly, queue] } }),
    ],
  },
  {
    name: 'an app gets a field of a later version and another image, and loses the field',
    acts: [
      create('a'),
      deploy('app', { serviceAccount: 'a' }),
      redeployAsLaterVersion('app', { serviceAccount: 'a', image: 'redis', targets: twoTargets }),
      redeploy('app', { serviceAccount: 'a', image: 'redis' }),
    ],
  },
];
