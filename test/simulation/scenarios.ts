/** Scenarios: a few acts of users on accounts and apps, with time in between for the operator to apply each act. */
import { linkedServiceAccounts, type AppSpec } from '../../src/api/index.ts';
import { podDenialName } from '../../src/identity/index.ts';
import { resources } from '../../src/kube/index.ts';
import {
  admitOutOfBand,
  atOnce,
  backUpCluster,
  backUpRoles,
  brokenImage,
  changeRoles,
  clusterAllows,
  clusterMode,
  clusterRegion,
  clusterTargets,
  consentToDetach,
  create,
  deleteNamespace,
  deleteServiceAccount,
  deploy,
  fargatePod,
  edit,
  editAsLaterVersion,
  foreignRole,
  fullAccess,
  intruder,
  otherIntruder,
  policies,
  put,
  putServiceAccount,
  putStuckPod,
  quarantine,
  quarantinePod,
  queue,
  readObjects,
  sendMessages,
  readOnly,
  redeploy,
  recordUse,
  redeployAsLaterVersion,
  release,
  releasePod,
  releaseWithPods,
  remove,
  removeFargatePod,
  restoreCluster,
  restoreRoles,
  roleOfOtherCluster,
  takeDown,
  untilGone,
  wait,
  webhook,
  type Act,
} from './acts.ts';
import { addAgent, removeAgent, useAutoMode } from './agents.ts';
import { policiesPerRole } from './simulated-aws.ts';
import { driftIntervalMs } from './simulation.ts';

/** Acts happen 5 s after a drift pass; after this delay 3 s remain until the next drift pass. */
const beforeDriftPassMs = driftIntervalMs - 8_000;

/** Account whose pods use EKS Pod Identity, and whose role may have inline policies. */
const bounded = {
  policyArns: [readOnly],
  permissionsBoundaryArn: fullAccess,
  identityMode: 'PodIdentity' as const,
};

const twoTargets = [
  { name: 'production', deployMode: 'latest' as const },
  { name: 'staging', deployMode: 'latest' as const },
];

/** An Ingress for an app without ports, which the schema cannot reject. */
const withoutPort = (deployMode: 'latest' | 'halt'): AppSpec['targets'] => [
  { name: 'production', deployMode, ingress: { hosts: ['app.example.com'] } },
];

export type Scenario = { readonly name: string; readonly acts: readonly Act[] };

export const scenarios: readonly Scenario[] = [
  { name: 'an account is created', acts: [create('a')] },
  {
    name: 'two accounts are created at once',
    acts: [atOnce(create('a'), create('b', { aws: { policyArns: [queue] } }))],
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
    name: 'a namespace that is not a target but has pods is added to a trust policy out of band',
    acts: [create('a', { targets: ['production'] }), admitOutOfBand('a', 'staging')],
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
    name: 'the cluster allows fewer policies, and then their detachment is consented to',
    acts: [
      create('a', { aws: { policyArns: [readOnly, queue] } }),
      clusterAllows([readOnly]),
      consentToDetach([readOnly]),
    ],
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
  {
    name: 'an account is deleted with Retain',
    acts: [create('a', { deletionPolicy: 'Retain' }), remove('a')],
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
    name: 'an account is created again under the same name',
    acts: [create('a'), atOnce(remove('a'), untilGone('a'), create('a', { aws: { policyArns: [queue] } }))],
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
    // The account is created late enough that a lost connection coincides with the operator's next check of the
    // cluster, which runs every five minutes.
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
  {
    name: 'one of three policies does not exist, and is created later',
    acts: [
      ({ aws }) => void aws.missingPolicies.add(fullAccess),
      create('a', { aws: { policyArns: [fullAccess, readOnly, queue] } }),
      async ({ aws, time }) => {
        aws.missingPolicies.delete(fullAccess);
        // The operator retries a missing policy after at most 300 s, which is longer than the time between acts.
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
