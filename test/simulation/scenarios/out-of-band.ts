/** Scenarios: others change or delete objects of an account. */
import { linkedServiceAccounts } from '../../../src/api/index.ts';
import { resources } from '../../../src/kube/index.ts';
import {
  admitOutOfBand,
  atOnce,
  backUpRoles,
  changeRoles,
  create,
  deleteNamespace,
  deleteServiceAccount,
  deploy,
  foreignRole,
  fullAccess,
  put,
  putStuckPod,
  queue,
  sendMessages,
  recordUse,
  remove,
  restoreRoles,
  untilGone,
  wait,
} from '../acts.ts';
import { type Scenario } from './scenario.ts';

export const outOfBandScenarios: readonly Scenario[] = [
  {
    name: 'statements are changed by others, then the account is deleted',
    acts: [
      create('a', { aws: { permissionsBoundaryArn: fullAccess, statements: [sendMessages] } }),
      ({ aws }) => {
        for (const { name } of aws.roles.values())
          aws.change(name, (role) =>
            role ? { ...role, inlinePolicy: '{"Version":"2012-10-17","Statement":[]}' } : role,
          );
      },
      ({ aws }) => {
        for (const { name } of aws.roles.values())
          aws.change(name, (role) => {
            if (!role) return role;
            const { inlinePolicy: _, ...rest } = role;
            return { ...rest, inlinePolicyNames: [] };
          });
      },
      remove('a'),
    ],
  },
  {
    name: 'a namespace that is not a target but has pods is added to a trust policy out of band',
    acts: [create('a', { targets: ['production'] }), admitOutOfBand('a', 'staging')],
  },
  {
    name: 'an association is deleted out of band, and another is changed',
    acts: [
      create('a', { aws: { identityMode: 'PodIdentity' } }),
      deploy('app', { serviceAccount: 'a' }),
      ({ aws }) => {
        const [first, second] = [...aws.eks.associations.values()];
        if (first) aws.eks.remove(first.id);
        if (second) aws.eks.change(second.id, { disableSessionTags: true });
      },
    ],
  },
  {
    name: 'others set a target role on an association, which an update does not remove',
    acts: [
      create('a', { aws: { identityMode: 'PodIdentity' } }),
      deploy('app', { serviceAccount: 'a' }),
      ({ aws }) => {
        const association = aws.eks.associationOf('production', 'a');
        aws.eks.keepsSettings = true;
        const targetRoleArn = 'arn:aws:iam::999999999999:role/theirs';
        if (association) aws.eks.change(association.id, { targetRoleArn });
      },
    ],
  },
  {
    name: 'an account is created again after its role was retained, and the role is then deleted out of band',
    acts: [
      create('a', { targets: ['production'], deletionPolicy: 'Retain' }),
      atOnce(remove('a'), untilGone('a'), create('a', { targets: ['production'] })),
      changeRoles(() => undefined),
    ],
  },
  {
    name: 'a policy is detached and a trust policy broken out of band',
    acts: [
      create('a'),
      changeRoles((role) => ({
        ...role,
        attachedPolicyArns: [],
        trustPolicy: '{"Version":"2012-10-17","Statement":[]}',
      })),
    ],
  },
  {
    // The account is created late enough that, in runs with a lost connection, the loss coincides with the operator's
    // next check of the cluster, which runs every five minutes.
    name: 'a policy is detached out of band, after a check of the cluster',
    acts: [wait(120_000), create('a'), changeRoles((role) => ({ ...role, attachedPolicyArns: [] }))],
  },
  {
    name: 'a role is deleted out of band',
    acts: [create('a'), changeRoles(() => undefined)],
  },
  {
    name: 'roles are used beside a foreign role, and are then recreated under other ids',
    acts: [
      put(foreignRole('theirs')),
      atOnce(create('a'), create('b'), create('c', { aws: { roleName: 'theirs' } })),
      atOnce(recordUse('a', 3), recordUse('b', 2)),
      recordUse('a', 1),
      atOnce(backUpRoles, restoreRoles),
      recordUse('b', 0),
    ],
  },
  {
    name: 'the role annotation of a ServiceAccount is removed',
    acts: [
      create('a'),
      async ({ server }) => {
        await server.client.patch(
          resources.serviceAccounts,
          { namespace: 'production', name: 'a' },
          { metadata: { annotations: { 'eks.amazonaws.com/role-arn': null } } },
          { type: 'merge' },
        );
      },
    ],
  },
  {
    name: 'a ServiceAccount of an account is deleted out of band',
    acts: [create('a'), deleteServiceAccount('production', 'a')],
  },
  {
    name: 'the finalizer is removed by hand, and the account is created again',
    acts: [
      create('a'),
      async ({ server }) => {
        const metadata = { finalizers: null };
        await server.client.patch(linkedServiceAccounts, { name: 'a' }, { metadata }, { type: 'merge' });
        await server.client.delete(linkedServiceAccounts, { name: 'a' });
      },
      create('a', { aws: { policyArns: [queue] } }),
    ],
  },
  {
    name: 'the deletion of a target namespace does not finish',
    acts: [create('a'), putStuckPod('staging'), deleteNamespace('staging')],
  },
  {
    name: 'a target namespace is deleted',
    acts: [
      create('a'),
      deploy('app', { serviceAccount: 'a', targets: [{ name: 'staging', deployMode: 'latest' }] }),
      deleteNamespace('staging'),
    ],
  },
];
