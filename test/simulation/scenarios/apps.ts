/** Scenarios: apps change, with and without an account. */
import { type AppSpec } from '../../../src/api/index.ts';
import {
  atOnce,
  brokenImage,
  create,
  deploy,
  edit,
  queue,
  readOnly,
  redeploy,
  remove,
  takeDown,
  wait,
  webhook,
} from '../acts.ts';
import { addAgent, removeAgent, useAutoMode } from '../agents.ts';
import { twoTargets, type Scenario } from './scenario.ts';

/** An Ingress for an app without ports. The schema cannot reject this combination. */
const withoutPort = (deployMode: 'latest' | 'halt'): AppSpec['targets'] => [
  { name: 'production', deployMode, ingress: { hosts: ['app.example.com'] } },
];

export const appsScenarios: readonly Scenario[] = [
  {
    name: 'the Pod Identity agent of a node is removed while an app uses it, and is added again',
    acts: [
      create('a', { targets: ['production'], aws: { identityMode: 'PodIdentity' } }),
      deploy('app', { serviceAccount: 'a' }),
      removeAgent,
      addAgent,
    ],
  },
  {
    name: 'an app uses Pod Identity on a node of EKS Auto Mode, and is replaced',
    acts: [
      useAutoMode,
      create('a', { targets: ['production'], aws: { identityMode: 'PodIdentity' } }),
      deploy('app', { serviceAccount: 'a' }),
      redeploy('app', { image: 'web:2', serviceAccount: 'a' }),
    ],
  },
  {
    name: 'an app without an account starts to use one',
    acts: [create('a'), deploy('app'), redeploy('app', { serviceAccount: 'a' })],
  },
  { name: 'an app exists before its account', acts: [deploy('app', { serviceAccount: 'a' }), create('a')] },
  {
    name: 'an app changes its account',
    acts: [
      create('a'),
      create('b', { aws: { policyArns: [queue] } }),
      deploy('app', { serviceAccount: 'a' }),
      redeploy('app', { serviceAccount: 'b' }),
    ],
  },
  {
    name: 'an app stops using its account, which remains',
    acts: [
      create('a', { targets: ['production'] }),
      deploy('app', { serviceAccount: 'a' }),
      redeploy('app', {}),
    ],
  },
  {
    name: 'an app stops using its account, which is deleted meanwhile',
    acts: [create('a'), deploy('app', { serviceAccount: 'a' }), remove('a'), redeploy('app', {})],
  },
  {
    name: 'the configs of an app are added, changed and removed',
    acts: [
      deploy('app', { configs: [{ name: 'settings', data: { LEVEL: 'info' } }] }),
      redeploy('app', {
        configs: [
          { name: 'settings', data: { LEVEL: 'debug' } },
          { name: 'files', mountPath: '/etc/app', data: { a: '1' } },
        ],
      }),
      redeploy('app', {}),
    ],
  },
  {
    name: 'an app exists before the one that it depends on, whose port then changes',
    acts: [
      deploy('app', { dependencies: [{ name: 'callee' }] }),
      deploy('callee', { ports: [{ name: 'http', port: 80, protocol: 'TCP' }] }),
      redeploy('callee', { ports: [{ name: 'http', port: 81, protocol: 'TCP' }] }),
    ],
  },
  {
    name: 'an app on two targets is deleted',
    acts: [create('a'), deploy('app', { serviceAccount: 'a', targets: twoTargets }), takeDown('app')],
  },
  {
    name: 'an app is rolled back from an image that does not start',
    acts: [
      create('a'),
      deploy('app', { serviceAccount: 'a' }),
      redeploy('app', { serviceAccount: 'a', image: brokenImage }),
      redeploy('app', { serviceAccount: 'a' }),
    ],
  },
  {
    name: 'an app is halted after an edit that cannot be applied, corrected and started again',
    acts: [
      deploy('app'),
      redeploy('app', { image: 'redis', targets: withoutPort('latest') }),
      redeploy('app', { image: 'redis', targets: withoutPort('halt') }),
      redeploy('app', { image: 'redis' }),
    ],
  },
  {
    name: 'an app gets another image while the webhook is unavailable',
    acts: [
      create('a'),
      deploy('app', { serviceAccount: 'a' }),
      atOnce(webhook('away'), wait(60_000), redeploy('app', { serviceAccount: 'a', image: 'redis' })),
      webhook('back'),
    ],
  },
  {
    name: 'an app is resumed after a halt while the webhook is unavailable',
    acts: [
      create('a'),
      deploy('app', { serviceAccount: 'a', targets: [{ name: 'production', deployMode: 'halt' }] }),
      atOnce(webhook('away'), wait(60_000), redeploy('app', { serviceAccount: 'a' })),
      webhook('back'),
    ],
  },
  {
    name: 'an app is created again under the same name',
    acts: [
      create('a'),
      deploy('app', { serviceAccount: 'a' }),
      atOnce(takeDown('app'), deploy('app', { serviceAccount: 'a', image: 'redis' })),
    ],
  },
  {
    name: 'the policies of an account are edited while an app uses it',
    acts: [
      create('a'),
      deploy('app', { serviceAccount: 'a' }),
      edit('a', { aws: { policyArns: [readOnly, queue] } }),
    ],
  },
];
