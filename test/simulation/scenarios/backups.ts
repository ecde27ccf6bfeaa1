/** Scenarios: the cluster or IAM is restored from a backup. */
import {
  atOnce,
  backUpCluster,
  backUpRoles,
  create,
  deploy,
  edit,
  queue,
  remove,
  restoreCluster,
  restoreRoles,
} from '../acts.ts';
import { type Scenario } from './scenario.ts';

export const backupsScenarios: readonly Scenario[] = [
  {
    name: 'etcd is restored from a backup: an edit and a deletion are undone',
    acts: [
      create('a'),
      create('b', { aws: { policyArns: [queue] } }),
      deploy('app', { serviceAccount: 'a' }),
      backUpCluster,
      atOnce(edit('a', { aws: { policyArns: [queue] } }), remove('b')),
      restoreCluster('same'),
    ],
  },
  {
    name: 'the cluster is restored by a backup tool: accounts come back under other uids',
    acts: [
      create('a'),
      create('b', { aws: { policyArns: [queue] } }),
      deploy('app', { serviceAccount: 'a' }),
      backUpCluster,
      atOnce(edit('a', { aws: { policyArns: [queue] } }), remove('b')),
      restoreCluster('new'),
    ],
  },
  {
    name: 'roles are restored from a backup, older than the last edit and under other ids',
    acts: [
      create('a'),
      deploy('app', { serviceAccount: 'a' }),
      backUpRoles,
      edit('a', { aws: { policyArns: [queue] } }),
      restoreRoles,
    ],
  },
];
