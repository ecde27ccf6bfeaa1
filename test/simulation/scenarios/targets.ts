/** Scenarios: targets and identity modes change. */
import {
  clusterMode,
  clusterRegion,
  clusterTargets,
  create,
  deploy,
  fargatePod,
  edit,
  redeploy,
  remove,
  removeFargatePod,
  takeDown,
} from '../acts.ts';
import { twoTargets, type Scenario } from './scenario.ts';

export const targetsScenarios: readonly Scenario[] = [
  {
    name: 'a target is added',
    acts: [create('a', { targets: ['production'] }), edit('a', { targets: ['production', 'staging'] })],
  },
  { name: 'a target is removed', acts: [create('a'), edit('a', { targets: ['staging'] })] },
  {
    name: 'an account loses a target that an app runs in, and the app is then deleted',
    acts: [
      create('a'),
      deploy('app', { serviceAccount: 'a', targets: twoTargets }),
      edit('a', { targets: ['production'] }),
      redeploy('app', { serviceAccount: 'a' }),
    ],
  },
  {
    name: 'an account in Pod Identity loses a target that an app runs in, and the app is then deleted',
    acts: [
      create('a', { aws: { identityMode: 'PodIdentity' } }),
      deploy('app', { serviceAccount: 'a', targets: twoTargets }),
      edit('a', { aws: { identityMode: 'PodIdentity' }, targets: ['production'] }),
      redeploy('app', { serviceAccount: 'a' }),
    ],
  },
  {
    name: 'the cluster loses a target that an app runs in, and the app is then deleted',
    acts: [
      create('a'),
      deploy('app', { serviceAccount: 'a', targets: twoTargets }),
      clusterTargets('production'),
      takeDown('app'),
    ],
  },
  {
    name: 'the identity mode of an account is switched and switched back',
    acts: [
      create('a'),
      deploy('app', { serviceAccount: 'a' }),
      edit('a', { aws: { identityMode: 'PodIdentity' } }),
      edit('a', {}),
    ],
  },
  {
    name: 'the identity mode of the cluster is switched',
    acts: [create('a', { targets: ['production'] }), clusterMode('PodIdentity'), clusterMode('IRSA')],
  },
  {
    name: 'an account in Pod Identity loses a target, and is deleted',
    acts: [
      create('a', { aws: { identityMode: 'PodIdentity' } }),
      edit('a', { targets: ['staging'], aws: { identityMode: 'PodIdentity' } }),
      remove('a'),
    ],
  },
  {
    name: 'an account in Pod Identity is deleted while an app uses it, and the app is then deleted',
    acts: [
      create('a', { targets: ['production'], aws: { identityMode: 'PodIdentity' } }),
      deploy('app', { serviceAccount: 'a' }),
      remove('a'),
      takeDown('app'),
    ],
  },
  {
    name: 'an account in Pod Identity has a pod on Fargate beside an app, and the pod then ends',
    acts: [
      create('a', { targets: ['production'], aws: { identityMode: 'PodIdentity' } }),
      deploy('app', { serviceAccount: 'a' }),
      fargatePod('a', 'production'),
      removeFargatePod('production'),
    ],
  },
  {
    name: 'one edit switches an account to Pod Identity and removes a target, which is then added back',
    acts: [
      create('a'),
      edit('a', { targets: ['staging'], aws: { identityMode: 'PodIdentity' } }),
      edit('a', { aws: { identityMode: 'PodIdentity' } }),
    ],
  },
  {
    name: 'a target is removed from the ClusterConfig, and is added back',
    acts: [create('a'), clusterTargets('production'), clusterTargets('production', 'staging')],
  },
  {
    name: 'an account is deleted while the ClusterConfig names another region, which is then restored',
    acts: [create('a'), clusterRegion('us-west-1'), remove('a'), clusterRegion('us-west-2')],
  },
  {
    name: 'the ClusterConfig names another region while an app uses an account, and is then restored',
    acts: [
      create('a'),
      deploy('app', { serviceAccount: 'a' }),
      clusterRegion('us-west-1'),
      clusterRegion('us-west-2'),
    ],
  },
];
