/**
 * Guarantees of the real operator in a complete sandbox: it never touches foreign objects (G4), one invalid object
 * never affects the others (G7), and invalid input is reported clearly.
 */
import {
  AttachRolePolicyCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  TagRoleCommand,
  UntagRoleCommand,
} from '@aws-sdk/client-iam';
import { AssumeRoleWithWebIdentityCommand } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  accountLabel,
  clusterConfigs,
  linkedServiceAccounts,
  roleArnAnnotation,
  type ClusterConfig,
  type LinkedServiceAccount,
} from '../../../src/api/index.ts';
import { findCondition } from '../../../src/k8s/conditions.ts';
import { clusterArn } from '../../../src/identity/desired/arn.ts';
import { roleName } from '../../../src/identity/desired/names.ts';
import { resources, type KubeObject } from '../../../src/kube/index.ts';
import { eventually } from '../../support/eventually.ts';
import { createPerson, policies, roleArnOf, roleOf, type Person, type Pod } from '../../support/person.ts';
import { startSandbox, type TestSandbox } from '../../support/sandbox.ts';
import { roleNameOf } from '../../support/emulator.ts';

const missingPolicy = 'arn:aws:iam::123456789012:policy/does-not-exist';
const latePolicy = 'arn:aws:iam::123456789012:policy/is-late';

let sandbox: TestSandbox;
let person: Person;
beforeAll(async () => {
  sandbox = await startSandbox({ targets: ['production', 'staging', 'shaky'] });
  person = createPerson(sandbox.client);
});
afterAll(() => sandbox?.stop());

/** Returns the role name for an account with this name. */
function roleNameFor(account: string): string {
  const { name, region, accountId } = sandbox.description;
  const arn = clusterArn({ partition: 'aws', region, accountId, name });
  return roleName({ clusterArn: arn, clusterName: name, account });
}

async function createServiceAccount(
  name: string,
  metadata: { readonly labels?: Record<string, string>; readonly annotations?: Record<string, string> },
): Promise<KubeObject> {
  return sandbox.client.create<KubeObject>(
    resources.serviceAccounts,
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'production', name, ...metadata } },
    { fieldManager: 'somebody-else' },
  );
}

async function accountOf(name: string): Promise<LinkedServiceAccount> {
  return sandbox.client.get<LinkedServiceAccount>(linkedServiceAccounts, { name });
}

describe.concurrent('G4: foreign objects', () => {
  test('a foreign role with the name that an account needs is reported and stays unchanged', async () => {
    const RoleName = roleNameFor('g4-role');
    await sandbox.aws.iam.send(
      new CreateRoleCommand({
        RoleName,
        Path: '/konstellation/',
        Description: "somebody else's",
        AssumeRolePolicyDocument: JSON.stringify({
          Version: '2012-10-17',
          Statement: [
            { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' },
          ],
        }),
        Tags: [{ Key: 'team', Value: 'other' }],
      }),
    );
    await sandbox.aws.iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn: policies.queues }));
    const before = await sandbox.aws.role(RoleName);
    const position = await sandbox.aws.position();

    await person.createAccount('g4-role');
    const reported = await person.untilAccount('g4-role', 'RoleNotOwned', (account) =>
      findCondition(account.status?.conditions, 'Ready')?.reason === 'RoleNotOwned' ? account : undefined,
    );
    expect(findCondition(reported.status?.conditions, 'Ready')).toMatchObject({
      status: 'False',
      message: expect.stringContaining(before?.arn ?? ''),
    });
    expect(reported.status?.roleArn).toBeUndefined();
    expect(reported.status?.targets).toMatchObject(
      ['production', 'staging'].map((name) => ({ name, linked: false, proven: false })),
    );
    expect(await person.serviceAccount('production', 'g4-role')).toBeUndefined();
    expect(await person.serviceAccount('staging', 'g4-role')).toBeUndefined();

    await person.deleteAccount('g4-role');
    await person.untilAccountGone('g4-role');
    expect(await sandbox.aws.role(RoleName)).toEqual(before);
    const changes = (await sandbox.aws.journal(position)).filter(
      ({ resource, changed }) => changed && resource.endsWith(`/${RoleName}`),
    );
    expect(changes).toEqual([]);
  });

  test('a role that lost its ownership tags is reported as not owned, and stays unchanged when the account is deleted', async () => {
    await person.createAccount('g4-marks');
    const { status } = await person.untilReady('g4-marks');
    const RoleName = roleNameOf(status?.roleArn ?? '');
    await sandbox.aws.iam.send(new UntagRoleCommand({ RoleName, TagKeys: ['k11n.dev/managed-by'] }));
    const reported = await person.untilAccount('g4-marks', 'RoleNotOwned', (account) =>
      findCondition(account.status?.conditions, 'RoleSynced')?.reason === 'RoleNotOwned'
        ? account
        : undefined,
    );
    expect(findCondition(reported.status?.conditions, 'Ready')?.message).toContain(
      'therefore revoke nothing',
    );
    const before = await sandbox.aws.role(RoleName);
    await person.deleteAccount('g4-marks');
    await person.untilAccountGone('g4-marks');
    expect(await sandbox.aws.role(RoleName)).toEqual(before);
    expect(before?.attached).toEqual([policies.readOnly]);
  });

  test('a role whose ownership tag was overwritten by a tag with the key in another letter case is tagged again, and is deleted with its account', async () => {
    await person.createAccount('g4-case');
    const { status } = await person.untilReady('g4-case');
    const RoleName = roleNameOf(status?.roleArn ?? '');
    await sandbox.aws.iam.send(
      new TagRoleCommand({ RoleName, Tags: [{ Key: 'K11N.dev/account', Value: 'other' }] }),
    );
    await eventually('the tag to be written again', async () => {
      const { tags = {} } = (await sandbox.aws.role(RoleName)) ?? {};
      return tags['k11n.dev/account'] === 'g4-case' ? tags : undefined;
    });
    await person.deleteAccount('g4-case');
    await person.untilAccountGone('g4-case');
    expect(await sandbox.aws.role(RoleName)).toBeUndefined();
  });

  test('a role that is tagged with the issuer of another cluster is reported and stays unchanged until a user consents', async () => {
    await person.createAccount('g4-issuer');
    const { status } = await person.untilReady('g4-issuer');
    const RoleName = roleNameOf(status?.roleArn ?? '');
    const own = sandbox.description.issuer.replace('https://', '');
    const tag = (Value: string): TagRoleCommand =>
      new TagRoleCommand({ RoleName, Tags: [{ Key: 'k11n.dev/issuer', Value }] });
    await sandbox.aws.iam.send(tag('oidc.example.com/id/OTHER'));
    const reported = await person.untilAccount('g4-issuer', 'RoleOfAnotherCluster', (account) =>
      findCondition(account.status?.conditions, 'Ready')?.reason === 'RoleOfAnotherCluster'
        ? account
        : undefined,
    );
    const message = findCondition(reported.status?.conditions, 'Ready')?.message;
    expect(message).toContain(`issuer oidc.example.com/id/OTHER; the issuer of this cluster is ${own}`);
    const before = await sandbox.aws.role(RoleName);
    const position = await sandbox.aws.position();
    await person.editPolicies('g4-issuer', []);
    await person.untilAccount('g4-issuer', 'the edit to be seen', (account) =>
      account.status?.observedGeneration === account.metadata.generation ? account : undefined,
    );
    expect(await sandbox.aws.role(RoleName)).toEqual(before);
    const changes = (await sandbox.aws.journal(position)).filter(
      ({ resource, changed }) => changed && resource.endsWith(`/${RoleName}`),
    );
    expect(changes).toEqual([]);

    await sandbox.aws.iam.send(tag(own));
    await person.untilReady('g4-issuer');
    expect((await sandbox.aws.role(RoleName))?.attached).toEqual([]);
  });

  test('a foreign ServiceAccount with the needed name blocks only its target, stays unchanged, and is linked once a user hands it over', async () => {
    const before = await createServiceAccount('g4-link', { labels: { team: 'other' } });
    await person.createAccount('g4-link');
    const row = await person.untilRow('g4-link', 'production', 'ServiceAccountNotOwned');
    expect(row).toMatchObject({ linked: false, proven: false });
    const handOver = 'kubectl label serviceaccount -n production g4-link k11n.dev/account=g4-link';
    expect(row.message).toContain(handOver);
    const reported = await person.untilAccount('g4-link', 'the other target to be proven', (account) =>
      account.status?.targets?.some(({ name, proven }) => name === 'staging' && proven) ? account : undefined,
    );
    expect(findCondition(reported.status?.conditions, 'TargetsLinked')).toMatchObject({
      status: 'False',
      reason: 'ServiceAccountNotOwned',
    });
    expect(reported.status?.linkedTargets).toEqual(['staging']);
    expect(await person.serviceAccount('production', 'g4-link')).toEqual(before);
    // A pod of the foreign ServiceAccount must not be able to assume the role either.
    const role = await sandbox.aws.role(roleNameOf(reported.status?.roleArn ?? ''));
    expect(role?.trustPolicy).not.toContain('serviceaccount:production:');

    await sandbox.client.patch(
      resources.serviceAccounts,
      { namespace: 'production', name: 'g4-link' },
      { metadata: { labels: { [accountLabel]: 'g4-link' } } },
      { type: 'merge', fieldManager: 'somebody-else' },
    );
    const { status } = await person.untilReady('g4-link');
    const linked = await person.serviceAccount('production', 'g4-link');
    expect(roleArnOf(linked)).toBe(status?.roleArn);
    // The ServiceAccount has another owner, so the deletion of the account removes only the role annotation.
    await person.deleteAccount('g4-link');
    await person.untilAccountGone('g4-link');
    const after = await person.serviceAccount('production', 'g4-link');
    expect(after?.metadata).toMatchObject({ uid: before.metadata.uid, labels: { team: 'other' } });
    expect(roleArnOf(after)).toBeUndefined();
    expect(await person.serviceAccount('staging', 'g4-link')).toBeUndefined();
  });

  test('a foreign ServiceAccount stays unchanged when the account is deleted', async () => {
    const before = await createServiceAccount('g4-stays', {});
    await person.createAccount('g4-stays');
    await person.untilRow('g4-stays', 'production', 'ServiceAccountNotOwned');
    await person.deleteAccount('g4-stays');
    await person.untilAccountGone('g4-stays');
    expect(await person.serviceAccount('production', 'g4-stays')).toEqual(before);
  });

  test('a role that running pods use is adopted only after a user consents, and the adoption does not interrupt the access of these pods', async () => {
    const { accountId, name: cluster, region } = sandbox.description;
    const issuer = (await sandbox.client.raw({ method: 'GET', path: '/.well-known/openid-configuration' }))
      .body;
    const host = (JSON.parse(issuer) as { issuer: string }).issuer.slice('https://'.length);
    const RoleName = 'g4-legacy-irsa';
    const subject = 'system:serviceaccount:production:g4-legacy';
    await sandbox.aws.iam.send(
      new CreateRoleCommand({
        RoleName,
        AssumeRolePolicyDocument: JSON.stringify({
          Version: '2012-10-17',
          Statement: [
            {
              Effect: 'Allow',
              Principal: { Federated: `arn:aws:iam::${accountId}:oidc-provider/${host}` },
              Action: 'sts:AssumeRoleWithWebIdentity',
              Condition: { StringEquals: { [`${host}:sub`]: subject, [`${host}:aud`]: 'sts.amazonaws.com' } },
            },
          ],
        }),
      }),
    );
    const before = await sandbox.aws.role(RoleName);
    const arn = before?.arn ?? '';
    await createServiceAccount('g4-legacy', { annotations: { [roleArnAnnotation]: arn } });
    await sandbox.client.create<KubeObject>(resources.deployments, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { namespace: 'production', name: 'g4-legacy' },
      spec: {
        selector: { matchLabels: { app: 'g4-legacy' } },
        template: {
          metadata: { labels: { app: 'g4-legacy' } },
          spec: {
            serviceAccountName: 'g4-legacy',
            containers: [{ name: 'app', image: 'registry.k8s.io/pause:3.10' }],
          },
        },
      },
    } as KubeObject);
    const [pod] = await eventually('the pod of a person that holds the role', async () => {
      const { items } = await sandbox.client.list<Pod>(resources.pods, {
        namespace: 'production',
        labelSelector: 'app=g4-legacy',
      });
      return items.length > 0 && items.every((each) => roleOf(each) === arn) ? items : undefined;
    });
    const exchange = async (): Promise<unknown> => {
      const spec = { audiences: ['sts.amazonaws.com'], expirationSeconds: 600 };
      const { token } = await sandbox.client.createToken(
        { namespace: 'production', name: 'g4-legacy' },
        spec,
      );
      return sandbox.aws.sts.send(
        new AssumeRoleWithWebIdentityCommand({
          RoleArn: arn,
          RoleSessionName: 'g4-legacy',
          WebIdentityToken: token,
        }),
      );
    };
    await exchange();

    await sandbox.client.create<LinkedServiceAccount>(linkedServiceAccounts, {
      apiVersion: 'k11n.dev/v1alpha1',
      kind: 'LinkedServiceAccount',
      metadata: { name: 'g4-legacy' },
      spec: {
        deletionPolicy: 'Retain',
        targets: ['production'],
        aws: { policyArns: [policies.readOnly], roleName: RoleName, adopt: true },
      },
    });
    const blocked = await person.untilAccount('g4-legacy', 'AdoptionBlocked', (account) => {
      const ready = findCondition(account.status?.conditions, 'Ready');
      return ready?.reason === 'AdoptionBlocked' ? ready : undefined;
    });
    expect(blocked.message).toContain(`production/${pod?.metadata.name} (ServiceAccount g4-legacy)`);
    expect(await sandbox.aws.role(RoleName)).toEqual(before);
    await exchange();

    await sandbox.client.patch(
      resources.serviceAccounts,
      { namespace: 'production', name: 'g4-legacy' },
      { metadata: { labels: { [accountLabel]: 'g4-legacy' } } },
      { type: 'merge', fieldManager: 'somebody-else' },
    );
    const consent = clusterArn({ partition: 'aws', region, accountId, name: cluster });
    const refused = await person.untilAccount('g4-legacy', 'AdoptionRefused', (account) => {
      const ready = findCondition(account.status?.conditions, 'Ready');
      return ready?.reason === 'AdoptionRefused' ? ready : undefined;
    });
    expect(refused.message).toContain(
      `aws iam tag-role --role-name ${RoleName} --tags Key=k11n.dev/cluster,Value=${consent}`,
    );
    await exchange();
    await sandbox.aws.iam.send(
      new TagRoleCommand({ RoleName, Tags: [{ Key: 'k11n.dev/cluster', Value: consent }] }),
    );
    await person.untilReady('g4-legacy');
    expect((await sandbox.aws.role(RoleName))?.trustPolicy).toContain(subject);
    await exchange();
  });

  test('a ServiceAccount whose annotation names a foreign role blocks only its target and stays unchanged', async () => {
    const before = await createServiceAccount('g4-annotation', {
      labels: { [accountLabel]: 'g4-annotation' },
      annotations: { [roleArnAnnotation]: 'arn:aws:iam::123456789012:role/theirs' },
    });
    await person.createAccount('g4-annotation');
    const row = await person.untilRow('g4-annotation', 'production', 'ForeignAnnotation');
    expect(row).toMatchObject({ linked: false, proven: false });
    expect(row.message).toContain('somebody-else');
    await person.untilAccount('g4-annotation', 'the other target to be proven', (account) =>
      account.status?.targets?.find(({ name, proven }) => name === 'staging' && proven),
    );
    expect(await person.serviceAccount('production', 'g4-annotation')).toEqual(before);
    await person.deleteAccount('g4-annotation');
    await person.untilAccountGone('g4-annotation');
    const after = await person.serviceAccount('production', 'g4-annotation');
    expect(after?.metadata.uid).toBe(before.metadata.uid);
    expect(roleArnOf(after)).toBe('arn:aws:iam::123456789012:role/theirs');
    expect(await person.serviceAccount('staging', 'g4-annotation')).toBeUndefined();
  });
});

describe.concurrent('G7: one invalid part of an account does not affect the other parts', () => {
  test('a policy that does not exist affects only its own row in the status, and is attached as soon as the policy exists', async () => {
    await person.createAccount('g7-policy', {
      policyArns: [policies.readOnly, latePolicy, policies.queues],
    });
    const reported = await person.untilAccount('g7-policy', 'PolicyNotFound', (account) =>
      account.status?.policies?.some(({ reason }) => reason === 'PolicyNotFound') ? account : undefined,
    );
    const settled = await person.untilAccount('g7-policy', 'all else to be done', (account) =>
      findCondition(account.status?.conditions, 'IdentityProven')?.status === 'True' ? account : undefined,
    );
    expect(reported.status?.policies?.find(({ arn }) => arn === latePolicy)?.message).toContain(
      'iam:AttachRolePolicy',
    );
    expect(settled.status?.policies).toMatchObject([
      { arn: policies.readOnly, attached: true },
      { arn: latePolicy, attached: false, reason: 'PolicyNotFound' },
      { arn: policies.queues, attached: true },
    ]);
    expect(findCondition(settled.status?.conditions, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'PolicyNotFound',
      message: expect.stringContaining(latePolicy),
    });
    expect(settled.status?.ready).toBe('2/2');
    const name = roleNameOf(settled.status?.roleArn ?? '');
    expect((await sandbox.aws.role(name))?.attached).toEqual([policies.readOnly, policies.queues]);

    await sandbox.aws.iam.send(
      new CreatePolicyCommand({
        PolicyName: 'is-late',
        PolicyDocument: JSON.stringify({
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Action: 's3:ListAllMyBuckets', Resource: '*' }],
        }),
      }),
    );
    await person.untilReady('g7-policy');
    expect((await sandbox.aws.role(name))?.attached).toEqual([
      latePolicy,
      policies.readOnly,
      policies.queues,
    ]);
  });

  test('a target that the ClusterConfig does not list affects only its own row in the status', async () => {
    await person.createAccount('g7-target', { targets: ['production', 'nowhere'] });
    const row = await person.untilRow('g7-target', 'nowhere', 'TargetUnknown');
    expect(row.message).toContain('production, staging, shaky');
    await person.untilAccount('g7-target', 'the other target to be proven', (account) =>
      account.status?.targets?.find(({ name, proven }) => name === 'production' && proven),
    );
    expect((await accountOf('g7-target')).status?.ready).toBe('1/2');
  });

  test('a target namespace that is being deleted affects only its own row in the status, and the operator creates the namespace and its objects again', async () => {
    const namespace = 'shaky';
    await person.createAccount('g7-namespace', { targets: ['production', namespace] });
    await person.createApp('g7-namespace', {
      serviceAccount: 'g7-namespace',
      targets: [{ name: namespace, deployMode: 'latest' }],
    });
    await person.untilReady('g7-namespace');
    await person.untilAppReady('g7-namespace');
    const first = await sandbox.client.get<KubeObject>(resources.namespaces, { name: namespace });
    const holder: KubeObject = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace, name: 'holder', finalizers: ['example.com/holds-the-namespace'] },
    };
    await sandbox.client.create(resources.configMaps, holder);
    await sandbox.client.delete(resources.namespaces, { name: namespace });

    await person.untilRow('g7-namespace', namespace, 'NamespaceTerminating');
    const meanwhile = await accountOf('g7-namespace');
    expect(meanwhile.status?.targets?.find(({ name }) => name === 'production')).toMatchObject({
      linked: true,
      proven: true,
    });
    await person.untilApp('g7-namespace', 'that the namespace goes', (app) =>
      app.status?.targets?.find(({ reason }) => reason === 'NamespaceTerminating'),
    );
    // Another user who recreates the namespace and the ServiceAccount must not be able to assume the role.
    await eventually('the role trusts the namespace no more', async () => {
      const role = await sandbox.aws.role(roleNameOf(meanwhile.status?.roleArn ?? ''));
      return role?.trustPolicy.includes(`:${namespace}:`) === false ? true : undefined;
    });

    await sandbox.client.patch(
      resources.configMaps,
      { namespace, name: 'holder' },
      { metadata: { finalizers: null } },
      { type: 'merge' },
    );
    await person.untilAccount('g7-namespace', 'both targets to be proven', (account) =>
      account.status?.ready === '2/2' ? account : undefined,
    );
    const { status } = await person.untilReady('g7-namespace');
    await person.untilPods('g7-namespace', namespace, 'the role', (pod) => roleOf(pod) === status?.roleArn);
    const second = await sandbox.client.get<KubeObject>(resources.namespaces, { name: namespace });
    expect(second.metadata.uid).not.toBe(first.metadata.uid);
  });
});

describe.concurrent('invalid input is reported', () => {
  const create = (name: string, ...arns: readonly string[]): ReturnType<TestSandbox['kon']> =>
    sandbox.kon([
      'account',
      'create',
      name,
      '--target=production',
      // Without this flag, kon refuses to save unknown policies. These tests are about what the operator reports.
      '--force',
      ...arns.map((arn) => `--policy=${arn}`),
    ]);

  test('kon reports a policy that does not exist, and the operator applies the rest of the account', async () => {
    const { code, stdout, stderr } = await create('bad-policy', policies.readOnly, missingPolicy);
    expect(code).toBe(1);
    expect(stdout).toBe('linkedserviceaccount/bad-policy created\n');
    expect(stderr).toContain('account "bad-policy" was saved but is not Ready: PolicyNotFound');
    expect(stderr).toContain(missingPolicy);
    expect(stderr).toContain('Correct the policies: kon account edit bad-policy');
    const { status } = await person.untilAccount('bad-policy', 'the other policy', (account) =>
      account.status?.policies?.some(({ attached }) => attached) ? account : undefined,
    );
    expect((await sandbox.aws.role(roleNameOf(status?.roleArn ?? '')))?.attached).toEqual([
      policies.readOnly,
    ]);
  });

  test("kon reports a policy of another AWS partition, and the operator attaches the account's other policy", async () => {
    const arn = 'arn:aws-cn:iam::aws:policy/AmazonS3ReadOnlyAccess';
    const { code, stderr } = await create('bad-partition', arn, policies.readOnly);
    expect(code).toBe(1);
    expect(stderr).toContain('WrongPartition');
    expect(stderr).toContain('the policy is in the partition "aws-cn", but this cluster is in "aws"');
    const { status } = await person.untilAccount('bad-partition', 'the other policy', (account) =>
      account.status?.policies?.some(({ attached }) => attached) ? account : undefined,
    );
    expect((await sandbox.aws.role(roleNameOf(status?.roleArn ?? '')))?.attached).toEqual([
      policies.readOnly,
    ]);
  });

  test('a policy that is listed twice is rejected before any write', async () => {
    const { code, stderr } = await create('bad-twice', policies.readOnly, policies.readOnly);
    expect(code).toBe(1);
    expect(stderr).toContain(`"${policies.readOnly}" is already listed`);
    await expect(
      person.createAccount('bad-twice', { policyArns: [policies.queues, policies.queues] }),
    ).rejects.toThrow(/Duplicate value/);
    const all = await sandbox.client.list<LinkedServiceAccount>(linkedServiceAccounts);
    expect(all.items.map(({ metadata }) => metadata.name)).not.toContain('bad-twice');
    expect(await sandbox.aws.role(roleNameFor('bad-twice'))).toBeUndefined();
  });

  test('kon reports an app whose account does not exist yet, and the app is deployed once the account is ready', async () => {
    const creation = sandbox.startKon([
      'app',
      'create',
      'bad-early',
      '--image=registry.k8s.io/pause:3.10',
      '--target=production',
      '--account=bad-early',
      '--force',
    ]);
    await creation.until('AccountNotFound');
    expect(await person.pods('bad-early', 'production')).toEqual([]);
    expect((await create('bad-early', policies.readOnly)).code).toBe(0);
    expect(await creation.finished).toMatchObject({ code: 0 });
    const { status } = await accountOf('bad-early');
    await person.untilPods('bad-early', 'production', 'the role', (pod) => roleOf(pod) === status?.roleArn);
  });

  test('an account with a target that the cluster does not have is reported', async () => {
    const { code, stderr } = await sandbox.kon([
      'account',
      'create',
      'bad-target',
      '--target=nowhere',
      `--policy=${policies.readOnly}`,
      '--force',
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain('TargetUnknown');
    expect(stderr).toContain('List targets: kon target list');
  });
});

describe('specs that an earlier version or an earlier ClusterConfig accepted are still reconciled', () => {
  /** Creates the account while the CRD lacks its validation rule for tags, as in an earlier version. */
  async function createStored(name: string, tags: Readonly<Record<string, string>>): Promise<void> {
    const { client } = sandbox;
    const crd = { name: 'linkedserviceaccounts.k11n.dev' };
    type Crd = KubeObject & { readonly spec: object };
    const before = await client.get<Crd>(resources.customResourceDefinitions, crd);
    const text = JSON.stringify(before.spec);
    const rules = /"tags":(\{(?:(?!"x-kubernetes-validations").)*)"x-kubernetes-validations":\[[^\]]*\]/;
    expect(text).toMatch(rules);
    const lax = text.replace(rules, '"tags":$1"x-kubernetes-validations":[]');
    const replaceSpec = async (spec: unknown): Promise<void> => {
      const operations = [{ op: 'replace', path: '/spec', value: spec }];
      await client.patch(resources.customResourceDefinitions, crd, operations, { type: 'json' });
    };
    const account = {
      apiVersion: 'k11n.dev/v1alpha1',
      kind: 'LinkedServiceAccount',
      metadata: { name },
      spec: { targets: ['production'], aws: { policyArns: [policies.readOnly], tags } },
    };
    const creation = async (): Promise<object | undefined> =>
      client.create<KubeObject>(linkedServiceAccounts, account).catch(() => undefined);
    expect(await creation()).toBeUndefined();
    await replaceSpec(JSON.parse(lax));
    await eventually('the CRD without the rule', creation);
    await replaceSpec(before.spec);
  }

  test('a stored tag that differs from an ownership tag only in letter case is ignored and reported, and the account is still reconciled', async () => {
    await createStored('stored-tag', { 'K11N.dev/account': 'other', team: 'a' });
    const { status } = await person.untilReady('stored-tag');
    expect(findCondition(status?.conditions, 'Ready')?.message).toMatch(/are ignored.*: K11N\.dev\/account$/);
    const RoleName = roleNameOf(status?.roleArn ?? '');
    expect((await sandbox.aws.role(RoleName))?.tags).toMatchObject({
      'k11n.dev/account': 'stored-tag',
      team: 'a',
    });
    await person.editPolicies('stored-tag', []);
    await eventually('its policy to be detached', async () =>
      (await sandbox.aws.role(RoleName))?.attached.length === 0 ? true : undefined,
    );
    await person.deleteAccount('stored-tag');
    await person.untilAccountGone('stored-tag');
    expect(await sandbox.aws.role(RoleName)).toBeUndefined();
  });

  test('a policy that the ClusterConfig no longer allows stays attached until a user consents to its detachment', async () => {
    const { name } = sandbox.description;
    const change = async (patch: object): Promise<void> => {
      await sandbox.client.patch(clusterConfigs, { name }, patch, { type: 'merge' });
    };
    await person.createAccount('narrowed', { policyArns: [policies.readOnly, policies.queues] });
    const { status } = await person.untilReady('narrowed');
    const RoleName = roleNameOf(status?.roleArn ?? '');
    await change({ spec: { aws: { allowedPolicyArns: [policies.readOnly] } } });
    const reported = await person.untilAccount('narrowed', 'PolicyNotAllowed', (account) =>
      findCondition(account.status?.conditions, 'Ready')?.reason === 'PolicyNotAllowed' ? account : undefined,
    );
    const row = reported.status?.policies?.find(({ arn }) => arn === policies.queues);
    expect(row).toMatchObject({ attached: true, reason: 'PolicyNotAllowed' });
    expect((await sandbox.aws.role(RoleName))?.attached.toSorted()).toEqual(
      [policies.queues, policies.readOnly].toSorted(),
    );
    const counted = await eventually('ClusterConfig to count it', async () => {
      const config = await sandbox.client.get<ClusterConfig>(clusterConfigs, { name });
      const message = findCondition(config.status?.conditions, 'Ready')?.message ?? '';
      return message.includes('do not allow') ? message : undefined;
    });
    const consent = /k11n\.dev\/detach-disallowed=(\S+)/.exec(row?.message ?? '')?.[1] ?? '';
    expect(counted).toContain(`k11n.dev/detach-disallowed=${consent}`);
    await change({ metadata: { annotations: { 'k11n.dev/detach-disallowed': consent } } });
    await eventually('the policy to be detached', async () => {
      const { attached = [] } = (await sandbox.aws.role(RoleName)) ?? {};
      return attached.includes(policies.queues) ? undefined : attached;
    });
    await change({ spec: { aws: { allowedPolicyArns: null } }, metadata: { annotations: null } });
    await person.untilReady('narrowed');
  });
});
