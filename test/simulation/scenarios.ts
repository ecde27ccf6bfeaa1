/** What people do to accounts and apps: each scenario a few acts, with time in between for the operator to follow. */
import { linkedServiceAccounts } from '../../src/api/index.ts';
import { resources } from '../../src/kube/index.ts';
import {
  clusterMode,
  create,
  deploy,
  edit,
  foreignRole,
  fullAccess,
  put,
  queue,
  readOnly,
  redeploy,
  remove,
  takeDown,
  type Act,
} from './acts.ts';

export type Scenario = { readonly name: string; readonly acts: readonly Act[] };

export const scenarios: readonly Scenario[] = [
  { name: 'an account is created', acts: [create('a')] },
  {
    name: 'two accounts are created at once',
    acts: [
      async (simulation) =>
        void (await Promise.all([
          create('a')(simulation),
          create('b', { aws: { policyArns: [queue] } })(simulation),
        ])),
    ],
  },
  {
    name: 'policies are edited',
    acts: [
      create('a', { aws: { policyArns: [readOnly, queue] } }),
      edit('a', { aws: { policyArns: [fullAccess, queue] } }),
    ],
  },
  {
    name: 'a policy does not exist, then is corrected',
    acts: [
      ({ aws }) => void aws.missingPolicies.add(fullAccess),
      create('a', { aws: { policyArns: [readOnly, fullAccess] } }),
      edit('a', { aws: { policyArns: [readOnly] } }),
    ],
  },
  {
    name: 'a target is added',
    acts: [create('a', { targets: ['production'] }), edit('a', { targets: ['production', 'staging'] })],
  },
  { name: 'a target is removed', acts: [create('a'), edit('a', { targets: ['staging'] })] },
  {
    name: 'boundary, session length and tags come and go',
    acts: [
      create('a', {
        aws: { permissionsBoundaryArn: fullAccess, maxSessionDuration: 7200, tags: { team: 'x' } },
      }),
      edit('a', {}),
    ],
  },
  {
    name: 'a role is adopted and given back',
    acts: [
      put(foreignRole('theirs')),
      create('a', { aws: { roleName: 'theirs', adopt: true } }),
      remove('a'),
    ],
  },
  {
    name: 'a foreign role is at the name',
    acts: [put(foreignRole('theirs')), create('a', { aws: { roleName: 'theirs' } }), remove('a')],
  },
  {
    name: 'an account is deleted',
    acts: [create('a', { aws: { policyArns: [readOnly, queue] } }), remove('a')],
  },
  {
    name: 'the identity mode of an account is switched there and back',
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
    name: 'a foreign association stands in the way, then goes',
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
    name: 'an association is removed behind our back, and another is changed',
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
    name: 'an account is deleted with Retain',
    acts: [create('a', { deletionPolicy: 'Retain' }), remove('a')],
  },
  {
    name: 'an account is made again under the same name',
    acts: [
      create('a'),
      async (simulation) => {
        await remove('a')(simulation);
        await simulation.time.pass(300_000, () => !simulation.server.get(linkedServiceAccounts, 'a'));
        await create('a', { aws: { policyArns: [queue] } })(simulation);
      },
    ],
  },
  {
    name: 'an app gains its account',
    acts: [create('a'), deploy('app'), redeploy('app', { serviceAccount: 'a' })],
  },
  { name: 'an app is there before its account', acts: [deploy('app', { serviceAccount: 'a' }), create('a')] },
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
    name: 'an app loses its account, which is deleted meanwhile',
    acts: [create('a'), deploy('app', { serviceAccount: 'a' }), remove('a'), redeploy('app', {})],
  },
  {
    name: 'an app on two targets goes',
    acts: [
      create('a'),
      deploy('app', {
        serviceAccount: 'a',
        targets: [
          { name: 'production', deployMode: 'latest' },
          { name: 'staging', deployMode: 'latest' },
        ],
      }),
      takeDown('app'),
    ],
  },
  {
    name: 'a policy is detached and a trust policy broken behind our back',
    acts: [
      create('a'),
      ({ aws }) => {
        for (const name of aws.roles.keys())
          aws.change(
            name,
            (role) =>
              role && {
                ...role,
                attachedPolicyArns: [],
                trustPolicy: '{"Version":"2012-10-17","Statement":[]}',
              },
          );
      },
    ],
  },
  {
    // The account comes so late that a cut-off meets the operator's next look at the cluster, every five minutes.
    name: 'a policy is detached behind our back, after a look at the cluster',
    acts: [
      () => undefined,
      create('a'),
      ({ aws }) => {
        for (const name of aws.roles.keys())
          aws.change(name, (role) => role && { ...role, attachedPolicyArns: [] });
      },
    ],
  },
  {
    name: 'a role is deleted behind our back',
    acts: [
      create('a'),
      ({ aws }) => {
        for (const name of aws.roles.keys()) aws.change(name, () => undefined);
      },
    ],
  },
  {
    name: 'the annotation of a link is stripped',
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
];
