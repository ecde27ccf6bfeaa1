/** Scenarios: roles, associations and ServiceAccounts that the account adopts, retains or does not own. */
import {
  atOnce,
  changeRoles,
  create,
  deleteServiceAccount,
  edit,
  foreignRole,
  put,
  putServiceAccount,
  queue,
  remove,
  roleOfOtherCluster,
  untilGone,
} from '../acts.ts';
import { type Scenario } from './scenario.ts';

export const ownershipScenarios: readonly Scenario[] = [
  {
    name: 'a role is adopted and released',
    acts: [
      put(foreignRole('theirs')),
      create('a', { aws: { roleName: 'theirs', adopt: true } }),
      remove('a'),
    ],
  },
  {
    name: 'a foreign role already has the role name that an account needs',
    acts: [put(foreignRole('theirs')), create('a', { aws: { roleName: 'theirs' } }), remove('a')],
  },
  {
    name: 'a role of another cluster with the same name already has the role name that an account needs',
    acts: [
      put(roleOfOtherCluster('theirs', 'a')),
      create('a', { aws: { roleName: 'theirs' } }),
      edit('a', { aws: { roleName: 'theirs', policyArns: [] } }),
      remove('a'),
    ],
  },
  {
    name: 'the ownership tags of a role are written in another case, and its policies are edited',
    acts: [
      create('a', { aws: { tags: { 'K11N.dev/account': 'b' } } }),
      changeRoles((role) => ({
        ...role,
        tags: Object.fromEntries(
          Object.entries(role.tags).map(([key, value]) => [key.replace('k11n', 'K11N'), value]),
        ),
      })),
      edit('a', { aws: { policyArns: [queue] } }),
    ],
  },
  {
    name: 'a foreign association blocks a target, and is then deleted',
    acts: [
      ({ aws }) => {
        aws.change('theirs', () => foreignRole('theirs'));
        aws.eks.put({
          namespace: 'production',
          serviceAccount: 'a',
          roleArn: foreignRole('theirs').arn,
          tags: { team: 'payments' },
          disableSessionTags: false,
        });
      },
      create('a', { aws: { identityMode: 'PodIdentity' } }),
      ({ aws }) => {
        for (const { id, tags } of aws.eks.associations.values()) if (tags['team']) aws.eks.remove(id);
      },
    ],
  },
  {
    name: 'an account is deleted with Retain',
    acts: [create('a', { deletionPolicy: 'Retain' }), remove('a')],
  },
  {
    name: 'a foreign ServiceAccount of the same name is created at the same time',
    acts: [atOnce(create('a'), putServiceAccount('production', 'a'))],
  },
  {
    name: 'the ServiceAccount of an account is replaced by a foreign one while the account is deleted',
    acts: [
      create('a', { targets: ['production'] }),
      atOnce(
        deleteServiceAccount('production', 'a'),
        putServiceAccount('production', 'a'),
        remove('a'),
        untilGone('a'),
      ),
    ],
  },
];
