/**
 * Guarantees of the real operator in a complete sandbox: identities are proven (G1), a change of identity rolls
 * workloads once and in order (G2), no pod is without an identity (G3), and an operator with nothing to do writes
 * nothing (G8).
 */
import {
  CreateOpenIDConnectProviderCommand,
  DeleteOpenIDConnectProviderCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { AssumeRoleWithWebIdentityCommand } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  accountLabel,
  clusterConfigs,
  linkedServiceAccounts,
  stsAudience,
  type ClusterConfig,
  type LinkedServiceAccount,
} from '../../../src/api/index.ts';
import { findCondition } from '../../../src/k8s/conditions.ts';
import { resources, type KubeObject } from '../../../src/kube/index.ts';
import { awaitObjects } from '../../../sandbox/src/tour/await-object.ts';
import { eventually } from '../../support/eventually.ts';
import { recordHistory, type History } from '../../support/history.ts';
import {
  createPerson,
  policies,
  roleArnOf,
  roleOf,
  uidsOf,
  type Person,
  type Pod,
} from '../../support/person.ts';
import { startSandbox, type TestSandbox } from '../../support/sandbox.ts';
import { roleNameOf } from '../../support/emulator.ts';

const targets = ['production', 'staging'] as const;

/**
 * Calls of a drift pass: the listing of all roles, the individual read of one role, and the read of the OIDC provider.
 */
const readsOfDriftPass = [
  'iam:GetAccountAuthorizationDetails',
  'iam:GetRole',
  'iam:GetOpenIDConnectProvider',
];
/** If no account uses Pod Identity, the operator makes this call only in every tenth drift pass. */
const seldomRead = 'eks:ListPodIdentityAssociations';

/**
 * Reasons that report a refused proof. In the first minute after a change of the role, the reason is
 * `WaitingForPropagation`.
 */
const refusals = ['WaitingForPropagation', 'AssumeRoleDenied'];

let sandbox: TestSandbox;
let person: Person;
let serviceAccounts: History<KubeObject>;
let pods: History<Pod>;
beforeAll(async () => {
  sandbox = await startSandbox();
  person = createPerson(sandbox.client);
  serviceAccounts = await recordHistory(sandbox.client, resources.serviceAccounts);
  pods = await recordHistory(sandbox.client, resources.pods);
});
afterAll(async () => {
  await serviceAccounts?.stop();
  await pods?.stop();
  await sandbox?.stop();
});

/**
 * Returns the operator's AWS calls since a position in the journal. The calls of a proof have no caller, because they
 * contain only a token.
 */
async function operatorCalls(since: number): Promise<readonly string[]> {
  const calls = await sandbox.aws.journal(since);
  return calls
    .filter(
      ({ caller, action }) =>
        caller?.endsWith(':user/konstellation-operator') || action === 'AssumeRoleWithWebIdentity',
    )
    .map(({ service, action }) => `${service}:${action}`);
}

async function untilDriftPasses(times: number): Promise<void> {
  await sandbox.aws.untilCalled(
    await sandbox.aws.position(),
    'the drift passes',
    ({ action }) => action === 'GetAccountAuthorizationDetails',
    times,
  );
}

test('G8: an idle operator writes nothing to Kubernetes, and makes only the AWS calls of the drift pass', async () => {
  await Promise.all(['idle-a', 'idle-b', 'idle-c'].map((name) => person.createAccount(name)));
  await Promise.all(['idle-a', 'idle-b'].map((name) => person.createApp(name, { serviceAccount: name })));
  await Promise.all(['idle-a', 'idle-b', 'idle-c'].map((name) => person.untilReady(name)));
  await Promise.all(['idle-a', 'idle-b'].map((name) => person.untilAppReady(name)));
  // Waits for the last writes that earlier tests cause: pod counts in statuses, and Events.
  let before = -1;
  while (before !== (await sandbox.operatorWrites()).length) {
    before = (await sandbox.operatorWrites()).length;
    await untilDriftPasses(1);
  }
  const position = await sandbox.aws.position();
  const passes = 4;
  await untilDriftPasses(passes);
  expect((await sandbox.operatorWrites()).slice(before)).toEqual([]);
  const all = await operatorCalls(position);
  const calls = all.filter((call) => call !== seldomRead);
  expect(all.length - calls.length).toBeLessThanOrEqual(1);
  expect(new Set(calls)).toEqual(new Set(readsOfDriftPass));
  // The listing of all roles fits on one page, so a drift pass makes each of its calls once.
  expect(calls.length).toBeLessThanOrEqual((passes + 1) * readsOfDriftPass.length);
});

describe.concurrent('guarantees that hold while other changes are in progress', () => {
  test('G11: pods that run in a removed target keep their access until they end', async () => {
    const name = 'g11-drain';
    await person.createAccount(name);
    await person.untilReady(name);
    await person.createApp(name, {
      serviceAccount: name,
      targets: targets.map((target) => ({ name: target, deployMode: 'latest' })),
    });
    await person.untilAppReady(name);
    const [pod] = await person.pods(name, 'staging');
    const role = roleOf(pod as Pod);
    const { token } = await sandbox.client.createToken(
      { namespace: 'staging', name },
      { audiences: [stsAudience], expirationSeconds: 3600 },
    );
    /** Exchanges the token as a pod does. */
    const exchange = () =>
      sandbox.aws.sts.send(
        new AssumeRoleWithWebIdentityCommand({
          RoleArn: role,
          RoleSessionName: name,
          WebIdentityToken: token,
        }),
      );
    const edit = (spec: object) =>
      sandbox.client.patch(
        linkedServiceAccounts,
        { name },
        { spec },
        { type: 'merge', fieldManager: 'test' },
      );

    const position = await sandbox.aws.position();
    await edit({ targets: ['production'] });
    const row = await person.untilRow(name, 'staging', 'StillInUse');
    expect(row).toMatchObject({ linked: true, roleArn: role });
    expect(row.message).toContain(`staging/${pod?.metadata.name}`);
    await untilDriftPasses(2);
    await exchange();
    const writes = (await sandbox.aws.journal(position)).filter(
      ({ action, resource }) =>
        action === 'UpdateAssumeRolePolicy' && resource.endsWith(roleNameOf(role ?? '')),
    );
    expect(writes).toEqual([]);

    await person.editApp(name, { targets: [{ name: 'production', deployMode: 'latest' }] });
    await person.untilReady(name);
    await expect(exchange()).rejects.toThrow(/not authorized/i);
    expect(await person.serviceAccount('staging', name)).toBeUndefined();
    expect(uidsOf(await person.pods(name, 'production'))).toHaveLength(1);
  });

  test('G1: the status quotes the STS error for a broken trust policy until the policy is repaired', async () => {
    await person.createAccount('g1-trust');
    const { status } = await person.untilReady('g1-trust');
    const RoleName = roleNameOf(status?.roleArn ?? '');
    const intact = (await sandbox.aws.role(RoleName))?.trustPolicy ?? '';
    const write = (PolicyDocument: string): Promise<unknown> =>
      sandbox.aws.iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument }));

    // This fault delays the IAM reads of every caller. The operator therefore reads the broken trust policy only after
    // the second fault, which denies the repair, is active.
    const seeAgain = await sandbox.aws.inject({
      service: 'iam',
      action: 'Get*',
      latencyMs: 1000,
    });
    await write(intact.replaceAll(':g1-trust"', ':somebody-else"'));
    const allow = await sandbox.aws.inject({
      service: 'iam',
      action: 'UpdateAssumeRolePolicy',
      resource: `*/${RoleName}`,
      error: { code: 'AccessDenied', message: 'denied for a test', status: 403 },
    });
    await seeAgain();

    const stsWords = 'Not authorized to perform sts:AssumeRoleWithWebIdentity';
    const broken = await person.untilAccount('g1-trust', 'not Ready, by the words of STS', (account) =>
      findCondition(account.status?.conditions, 'Ready')?.message.includes(stsWords) ? account : undefined,
    );
    expect(findCondition(broken.status?.conditions, 'Ready')?.status).toBe('False');
    expect(findCondition(broken.status?.conditions, 'IdentityProven')).toMatchObject({
      status: 'False',
      reason: 'AssumeRoleDenied',
    });
    expect(broken.status?.targets).toMatchObject(
      targets.map((name) => ({ name, proven: false, reason: 'AssumeRoleDenied' })),
    );
    const reported = await person.untilAccount('g1-trust', 'that it cannot be repaired', (account) =>
      account.status?.conditions?.find(({ message }) => message.includes('denied for a test')),
    );
    expect(reported).toMatchObject({
      status: 'False',
      message: expect.stringContaining('iam:UpdateAssumeRolePolicy'),
    });

    await allow();
    await write(intact);
    const repaired = await person.untilReady('g1-trust');
    expect(repaired.status?.targets?.map((row) => row.proven)).toEqual([true, true]);
    expect((await sandbox.aws.role(RoleName))?.trustPolicy).toBe(intact);
  });

  test('G2: an edit of policies restarts no pod', async () => {
    await person.createAccount('g2-policies');
    await person.createApp('g2-policies', { serviceAccount: 'g2-policies' });
    await person.untilAppReady('g2-policies');
    const before = await Promise.all(targets.map((target) => person.pods('g2-policies', target)));

    await person.editPolicies('g2-policies', [policies.queues, policies.fullAccess]);
    const { status } = await person.untilReady('g2-policies');
    const role = await sandbox.aws.role(roleNameOf(status?.roleArn ?? ''));
    expect(role?.attached).toEqual([policies.fullAccess, policies.queues]);
    const after = await Promise.all(targets.map((target) => person.pods('g2-policies', target)));
    expect(after.map(uidsOf)).toEqual(before.map(uidsOf));

    // This edit of the app is rolled out once. If the edit of policies had caused a rollout, that rollout would have
    // come first.
    await person.editApp('g2-policies', { imageTag: '3.9' });
    for (const target of targets) {
      await person.untilPods('g2-policies', target, 'the new image', (pod) =>
        pod.spec.containers.every(({ image }) => image?.endsWith(':3.9')),
      );
      expect(await person.revision('g2-policies', target)).toBe(2);
    }
  });

  test('G2: an app whose account is added, changed or removed rolls one time, and only after the new identity is proven', async () => {
    const revisions = (): Promise<readonly number[]> =>
      Promise.all(targets.map((target) => person.revision('g2-app', target)));
    const untilRole = (role: string | undefined): Promise<unknown> =>
      Promise.all(
        targets.map((target) =>
          person.untilPods('g2-app', target, `the role ${role}`, (pod) => roleOf(pod) === role),
        ),
      );
    await person.createApp('g2-app');
    await person.createAccount('g2-first');
    await person.untilAppReady('g2-app');
    const first = (await person.untilReady('g2-first')).status?.roleArn;

    await person.editApp('g2-app', { serviceAccount: 'g2-first' });
    await untilRole(first);
    expect(await revisions()).toEqual([2, 2]);
    const before = await Promise.all(targets.map((target) => person.pods('g2-app', target)));

    const prove = await sandbox.aws.inject({
      service: 'sts',
      action: 'AssumeRoleWithWebIdentity',
      resource: '*-g2-second-*',
      error: { code: 'AccessDenied', message: 'not yet', status: 403 },
    });
    await person.createAccount('g2-second');
    await person.editApp('g2-app', { serviceAccount: 'g2-second' });
    await person.untilAccount('g2-second', 'STS to have refused each proof', (account) =>
      account.status?.targets?.every(({ reason }) => reason !== undefined && refusals.includes(reason)) &&
      account.status.targets.length === targets.length
        ? account
        : undefined,
    );
    const held = await person.untilApp('g2-app', 'held in both targets', (app) =>
      app.status?.targets?.every((row) => row.reason === 'IdentityNotProven') ? app : undefined,
    );
    expect(held.status?.targets).toMatchObject(targets.map((name) => ({ name, roleArn: first })));
    expect(findCondition(held.status?.conditions, 'IdentityReady')?.status).toBe('False');
    expect(await revisions()).toEqual([2, 2]);
    const meanwhile = await Promise.all(targets.map((target) => person.pods('g2-app', target)));
    expect(meanwhile.map(uidsOf)).toEqual(before.map(uidsOf));

    await prove();
    const second = (await person.untilReady('g2-second')).status?.roleArn;
    await untilRole(second);
    expect(await revisions()).toEqual([3, 3]);

    await person.editApp('g2-app', { serviceAccount: null });
    await untilRole(undefined);
    expect(await revisions()).toEqual([4, 4]);
    await person.untilAppReady('g2-app');
  });

  test('G3: an app whose account does not exist yet waits, and is deployed once the account is ready', async () => {
    await person.createApp('g3-early', { serviceAccount: 'g3-early' });
    const waiting = await person.untilApp('g3-early', 'that it waits', (app) =>
      app.status?.targets?.every((row) => row.reason === 'AccountNotFound') ? app : undefined,
    );
    expect(waiting.status?.targets).toMatchObject(
      targets.map((name) => ({ name, state: 'WaitingForIdentity' })),
    );
    expect(findCondition(waiting.status?.conditions, 'Ready')).toMatchObject({
      status: 'False',
      message: expect.stringContaining('account "g3-early" (LinkedServiceAccount) does not exist'),
    });

    await person.createAccount('g3-early');
    const { status } = await person.untilReady('g3-early');
    await person.untilAppReady('g3-early');
    for (const target of targets) {
      await person.untilPods('g3-early', target, 'the role', (pod) => roleOf(pod) === status?.roleArn);
      expect(await person.revision('g3-early', target)).toBe(1);
    }
    const made = (await pods.complete()).filter(
      ({ type, object }) => type === 'ADDED' && object.metadata.labels?.['k11n.dev/app'] === 'g3-early',
    );
    expect(made.map(({ object }) => roleOf(object))).toEqual(targets.map(() => status?.roleArn));
  });
});

test('G3: the operator reports pods that the webhook missed, keeps them while the webhook is unavailable, and replaces them afterwards', async () => {
  const { client } = sandbox;
  const webhook = { name: 'pod-identity-webhook' };
  await person.createAccount('g3-missed', { targets: ['production'] });
  await person.createApp('g3-missed', {
    serviceAccount: 'g3-missed',
    targets: [{ name: 'production', deployMode: 'latest' }],
    scale: { min: 3 },
  });
  await person.untilAppReady('g3-missed');
  const arn = (await person.untilReady('g3-missed')).status?.roleArn;
  const [first, ...others] = await person.pods('g3-missed', 'production');
  expect(others).toHaveLength(2);
  const registration = await client.get<KubeObject>(resources.mutatingWebhookConfigurations, webhook);
  await client.delete(resources.mutatingWebhookConfigurations, webhook);
  await eventually('the API server asks the webhook no more', async () =>
    roleOf(await tryPod('production', 'g3-missed')) === undefined ? true : undefined,
  );

  // While the webhook is unavailable, the operator creates no pods. Pods that Kubernetes creates as replacements start
  // without an identity.
  for (const { metadata } of others)
    await client.delete(resources.pods, { namespace: 'production', name: metadata.name });
  const behind = await person.untilAccount('g3-missed', 'two pods without identity', (account) =>
    account.status?.targets?.[0]?.pods?.uninjected === 2 ? account : undefined,
  );
  expect(findCondition(behind.status?.conditions, 'WorkloadsCurrent')).toMatchObject({
    status: 'False',
    reason: 'PodsNotCurrent',
  });
  await person.untilApp('g3-missed', 'that they wait for the webhook', (app) =>
    app.status?.targets?.some(
      (row) => row.reason === 'PodsNotCurrent' && row.message?.includes('as soon as the webhook injects'),
    )
      ? true
      : undefined,
  );
  const missed = await eventually('the deleted pods to end', async () => {
    const listed = await person.pods('g3-missed', 'production');
    return listed.every(({ metadata }) => metadata.deletionTimestamp === undefined) ? listed : undefined;
  });
  expect(missed).toHaveLength(3);
  expect(missed.filter((pod) => roleOf(pod) === undefined)).toHaveLength(2);

  const { resourceVersion: _, uid: __, ...metadata } = registration.metadata;
  await client.create<KubeObject>(resources.mutatingWebhookConfigurations, { ...registration, metadata });
  const replaced = await person.untilPods(
    'g3-missed',
    'production',
    'the role',
    (pod) => roleOf(pod) === arn,
  );
  expect(uidsOf(replaced)).toContain(first?.metadata.uid);
  const current = await person.untilAccount('g3-missed', 'three current pods', (account) =>
    account.status?.targets?.[0]?.pods?.current === 3 ? account : undefined,
  );
  expect(findCondition(current.status?.conditions, 'WorkloadsCurrent')?.status).toBe('True');
  // Each pod was created once: the first three pods, the two pods that the webhook missed, and their two successors.
  const made = (await pods.complete()).filter(
    ({ type, object }) => type === 'ADDED' && object.metadata.labels?.['k11n.dev/app'] === 'g3-missed',
  );
  expect(made).toHaveLength(7);
  expect(await person.revision('g3-missed', 'production')).toBe(1);
});

test('G1, G3: while the OIDC provider does not exist, no account is Ready and no pod is replaced', async () => {
  const { client, aws, description } = sandbox;
  const { issuer, accountId, name } = description;
  const provider = `arn:aws:iam::${accountId}:oidc-provider/${issuer.replace('https://', '')}`;
  const untilConfig = (what: string, reason: string): Promise<string> =>
    awaitObjects<ClusterConfig, string>(
      client,
      clusterConfigs,
      { fieldSelector: `metadata.name=${name}` },
      what,
      ([config]) => {
        const ready = findCondition(config?.status?.conditions, 'Ready');
        return ready?.reason === reason ? ready.message : undefined;
      },
      new AbortController().signal,
    );
  const apps = ['provider-image', 'provider-scale'] as const;
  await person.createAccount('g1-provider');
  for (const app of apps) await person.createApp(app, { serviceAccount: 'g1-provider' });
  await person.createApp('provider-zero', {
    serviceAccount: 'g1-provider',
    targets: targets.map((target) => ({ name: target, deployMode: 'halt' })),
  });
  await person.untilReady('g1-provider');
  const before = new Map<string, readonly Pod[]>();
  for (const app of apps) {
    await person.untilAppReady(app);
    before.set(app, await person.pods(app, 'production'));
  }
  const revision = await person.revision('provider-image', 'production');

  // The operator has not detected the deletion of the provider yet; the token exchange before the rollout reveals the
  // deletion.
  await aws.iam.send(new DeleteOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: provider }));
  await person.editApp('provider-image', { imageTag: '3.9' });
  await person.editApp('provider-scale', { scale: { min: 2 } });
  await person.editApp('provider-zero', {
    targets: targets.map((target) => ({ name: target, deployMode: 'latest' })),
  });
  await person.createAccount('g1-provider-later');
  for (const account of ['g1-provider', 'g1-provider-later']) {
    for (const target of targets) await person.untilRow(account, target, 'OIDCProviderMissing');
    const { status } = await client.get<LinkedServiceAccount>(linkedServiceAccounts, { name: account });
    expect(findCondition(status?.conditions, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'OIDCProviderMissing',
    });
  }
  expect(await untilConfig('ClusterConfig to say so', 'OIDCProviderMissing')).toContain(
    `aws iam create-open-id-connect-provider --url ${issuer}`,
  );
  const held = (app: string): Promise<unknown> =>
    person.untilApp(app, 'held in each target', ({ status }) =>
      status?.targets?.every((row) => row.reason === 'OIDCProviderMissing') === true ? true : undefined,
    );
  for (const app of [...apps, 'provider-zero']) await held(app);
  // Even after two drift passes, the edits above have replaced no pod.
  await untilDriftPasses(2);
  for (const app of apps)
    expect(uidsOf(await person.pods(app, 'production'))).toEqual(uidsOf(before.get(app) ?? []));
  expect(await person.revision('provider-image', 'production')).toBe(revision);
  expect(await person.pods('provider-zero', 'production')).toEqual([]);
  const { items: events } = await client.list<
    KubeObject & { readonly reason?: string; readonly regarding?: { readonly kind?: string } }
  >(resources.events, { namespace: 'default' });
  const kinds = events
    .filter(({ reason }) => reason === 'OIDCProviderMissing')
    .map((one) => one.regarding?.kind);
  expect(kinds).toEqual(expect.arrayContaining(['ClusterConfig', 'LinkedServiceAccount', 'App']));

  await aws.iam.send(
    new CreateOpenIDConnectProviderCommand({ Url: issuer, ClientIDList: ['sts.amazonaws.com'] }),
  );
  await untilConfig('ClusterConfig to be Ready', 'Ready');
  for (const account of ['g1-provider', 'g1-provider-later']) await person.untilReady(account);
  for (const app of [...apps, 'provider-zero']) await person.untilAppReady(app);
  const [pod] = await person.untilPods('provider-image', 'production', 'the new image', (each) =>
    each.spec.containers.some(({ image }) => image?.endsWith(':3.9')),
  );
  expect(pod).toBeDefined();
});

test('G3: no ServiceAccount of an account ever existed without its role annotation', async () => {
  const made = (await serviceAccounts.complete()).filter(
    ({ type, object }) => type === 'ADDED' && object.metadata.labels?.[accountLabel] !== undefined,
  );
  expect(made.length).toBeGreaterThan(10);
  expect(made.filter(({ object }) => roleArnOf(object) === undefined)).toEqual([]);
});

/** Returns the pod that the API server would create now, as a dry run shows it. */
function tryPod(namespace: string, serviceAccountName: string): Promise<Pod> {
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name: 'trial' },
    spec: { serviceAccountName, containers: [{ name: 'main', image: 'none' }] },
  };
  return sandbox.client.create<Pod>(resources.pods, pod, { dryRun: true });
}
