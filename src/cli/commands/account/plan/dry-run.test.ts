import { describe, expect, it } from 'vitest';
import {
  createWorld,
  edit,
  facts,
  fullAccess,
  makePod,
  observe,
  readOnly,
  settle,
  type SimulatedWorld,
} from '../../../../identity/testing/simulated-world.ts';
import type { AccountWorld } from '../../../../identity/state/world.ts';
import type { Workload } from '../../../../workloads/index.ts';
import { pod } from '../../../../workloads/testing/fixtures.ts';
import { affectedPods, changesOf, replacedPods } from './changes.ts';
import { dryRun } from './dry-run.ts';

const nobody = async (): Promise<undefined> => undefined;

/** Returns the state as the command line observes it: with all roles read. */
function seen(world: SimulatedWorld): AccountWorld {
  const observed = observe(world);
  return {
    ...observed,
    roles: new Map([...world.roles].map(([name, role]) => [name, { role, source: 'read' as const }])),
    proofs: new Map(),
  };
}

describe('a dry-run plan', () => {
  it('lists exactly the steps that the operator then applies for a new account', async () => {
    const world = createWorld({ aws: { policyArns: [readOnly, fullAccess] } });
    const { steps, status } = await dryRun(seen(world), nobody);
    settle(world);
    expect(steps).toEqual(
      world.journal
        .map(({ step }) => step)
        .filter(({ kind }) => kind !== 'ProveIdentity')
        .concat(steps.filter(({ kind }) => kind === 'ProveIdentity')),
    );
    expect(status.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True');
  });

  it('completes although the node of a pod could not be read, and shows no change', async () => {
    const world = createWorld({ aws: { policyArns: [readOnly], identityMode: 'PodIdentity' } });
    settle(world);
    makePod(world, 'production');
    const namespace = world.namespaces.get('production');
    if (namespace) namespace.pods = (namespace.pods ?? []).map((each) => ({ ...each, node: 'deleted' }));
    const plan = await dryRun(seen(world), nobody);
    expect(plan.steps.map(({ kind }) => kind)).toContain('ReadNode');
    expect(changesOf(seen(world), plan)).toEqual([]);
  });

  it('shows the statements before and after the change, each as a policy document', async () => {
    const boundary = 'arn:aws:iam::123456789012:policy/boundary';
    const send = { actions: ['sqs:SendMessage'], resources: ['arn:$(partition):sqs:*:$(account):orders'] };
    const aws = { policyArns: [], permissionsBoundaryArn: boundary, statements: [send] };
    const world = { ...createWorld({ aws }), facts: { ...facts, allowsStatements: true } };
    settle(world);
    edit(world, { aws: { ...aws, statements: [{ ...send, actions: ['sqs:*'] }] } });
    const plan = await dryRun(seen(world), nobody);
    expect(plan.steps.filter(({ kind }) => kind !== 'ProveIdentity')).toHaveLength(1);
    expect(changesOf(seen(world), plan)).toMatchObject([
      {
        action: 'update',
        summary: 'statements in the inline policy konstellation',
        before: expect.stringContaining('"sqs:SendMessage"'),
        after: expect.stringContaining('"sqs:*"'),
      },
    ]);
  });

  it('is empty for an account that is up to date', async () => {
    const world = createWorld();
    settle(world);
    expect(changesOf(seen(world), await dryRun(seen(world), nobody))).toEqual([]);
  });

  it('lists exactly the steps that the operator then applies for an edit', async () => {
    const world = createWorld();
    settle(world);
    edit(world, { aws: { policyArns: [fullAccess] }, targets: ['staging'] });
    const plan = await dryRun(seen(world), nobody);
    world.journal.length = 0;
    settle(world);
    const kinds = (steps: readonly { kind: string }[]): string[] =>
      steps.map(({ kind }) => kind).filter((kind) => kind !== 'ProveIdentity');
    expect(kinds(plan.steps)).toEqual(kinds(world.journal.map(({ step }) => step)));
    expect(kinds(plan.steps)).toContain('UpdateTrustPolicy');
  });

  it('lists the steps that the operator applies after a change of the identity mode, and the pods that will be replaced', async () => {
    const world = createWorld();
    settle(world);
    makePod(world, 'production');
    edit(world, { aws: { policyArns: [readOnly], identityMode: 'PodIdentity' } });
    const before = seen(world);
    const plan = await dryRun(before, nobody);
    const running = world.namespaces.get('production')?.pods?.[0]?.name;
    expect(changesOf(before, plan).map(({ system, step, object }) => [system, step, object])).toEqual([
      ['iam', 'UpdateTrustPolicy', [...world.roles.keys()][0]],
      ['eks', 'CreateAssociation', 'production/myaccount'],
      ['eks', 'CreateAssociation', 'staging/myaccount'],
      ['kubernetes', 'LinkServiceAccount', 'staging/myaccount'],
      // No pod in staging uses the old identity mode any more.
      ['iam', 'UpdateTrustPolicy', [...world.roles.keys()][0]],
    ]);
    expect(affectedPods(before, plan, new Set())).toEqual([
      { namespace: 'production', name: running, replaced: false },
    ]);
  });

  it('reports drift and the steps that repair it', async () => {
    const world = createWorld();
    settle(world);
    const [name = '', role] = [...world.roles][0] ?? [];
    if (!role) throw new Error('there is no role');
    world.roles.set(name, { ...role, attachedPolicyArns: [], trustPolicy: '{"Statement":[]}' });
    const before = seen(world);
    const plan = await dryRun(before, nobody);
    expect(plan.drift).toEqual([
      'the trust policy of the role was changed',
      `the policy ${readOnly} was detached`,
    ]);
    expect(changesOf(before, plan).map(({ step, before: old }) => [step, old])).toEqual([
      ['AttachPolicy', undefined],
      ['UpdateTrustPolicy', '{\n  "Statement": []\n}'],
    ]);
  });

  it('shows that an adopted ServiceAccount is released, and that a role annotation set by another field manager stays', async () => {
    const handed = { uid: 'u', resourceVersion: '1', account: 'payments', created: false } as const;
    const foreign = { roleArn: 'arn:aws:iam::123456789012:role/eksctl', roleArnManager: 'eksctl' };
    for (const [serviceAccount, summary] of [
      [
        { ...handed, ...foreign },
        'release the ServiceAccount from the account; the role annotation arn:aws:iam::123456789012:role/eksctl stays, because "eksctl" set it',
      ],
      [handed, 'release the ServiceAccount from the account'],
    ] as const) {
      const world = createWorld();
      settle(world);
      edit(world, { targets: ['staging'] });
      const before = seen(world);
      const { account } = before.targets.find(({ name }) => name === 'production')?.serviceAccount ?? {};
      const targets = before.targets.map((target) =>
        target.name === 'production' && account !== undefined
          ? { ...target, serviceAccount: { ...serviceAccount, account } }
          : target,
      );
      const plan = await dryRun({ ...before, targets }, nobody);
      const changes = changesOf({ ...before, targets }, plan);
      expect(
        changes.filter(({ step }) => step === 'UnlinkServiceAccount').map((change) => change.summary),
      ).toEqual([summary]);
      const after = plan.world.targets.find(({ name }) => name === 'production')?.serviceAccount;
      expect(after?.roleArn).toBe('roleArn' in serviceAccount ? serviceAccount.roleArn : undefined);
      // The released ServiceAccount keeps its role annotation, or had none, so pods keep their identity.
      expect(affectedPods({ ...before, targets }, plan, new Set())).toEqual([]);
    }
  });

  it("reports a problem and writes nothing if a foreign role has the name that the account's role would get", async () => {
    const world = createWorld();
    const { steps, status } = await dryRun(seen(world), async (name) => ({
      name,
      arn: `arn:aws:iam::${facts.accountId}:role/${name}`,
      id: 'AROAFOREIGN',
      path: '/',
      trustPolicy: '{}',
      attachedPolicyArns: [],
      inlinePolicyNames: [],
      tags: {},
    }));
    expect(steps.map(({ kind }) => kind)).toEqual(['AddFinalizer']);
    expect(status.conditions?.find(({ type }) => type === 'Ready')?.reason).toBe('RoleNotOwned');
  });
});

describe('the pods of a plan', () => {
  it('are listed with what happens to each pod if their ServiceAccount gets another role', async () => {
    const world = createWorld();
    settle(world);
    for (const namespace of world.namespaces.values())
      if (namespace.serviceAccount)
        namespace.serviceAccount = {
          ...namespace.serviceAccount,
          roleArn: 'arn:aws:iam::123456789012:role/older',
        };
    const before = seen(world);
    const used = {
      ...before,
      targets: before.targets.map((target) =>
        target.name === 'staging'
          ? { ...target, users: [{ pod: 'a-1', workload: 'app a' }, { pod: 'bare' }] }
          : target,
      ),
    };
    expect(affectedPods(used, await dryRun(used, nobody), new Set(['staging/a-1']))).toEqual([
      { namespace: 'staging', name: 'a-1', workload: 'app a', replaced: true },
      { namespace: 'staging', name: 'bare', replaced: false },
    ]);
  });

  it('are replaced if they belong to an app, or to a labelled workload whose rollout is not paused and whose update strategy is not OnDelete', () => {
    const podOf = (workload: Workload): ReturnType<typeof pod> => {
      const { name, namespace, uid = '' } = workload.metadata;
      const fields = pod({ name: `${name}-0`, ...(namespace === undefined ? {} : { namespace }) });
      const owner =
        workload.kind === 'Deployment'
          ? { kind: 'ReplicaSet', name: `${name}-1`, uid: `replicas of ${uid}` }
          : { kind: workload.kind ?? '', name, uid };
      return {
        ...fields,
        metadata: {
          ...fields.metadata,
          labels: { 'pod-template-hash': '1' },
          ownerReferences: [{ apiVersion: 'apps/v1', ...owner, controller: true }],
        },
      };
    };
    const workload = (kind: string, name: string, spec: object = {}): Workload => ({
      apiVersion: 'apps/v1',
      kind,
      metadata: { name, namespace: 'production', uid: `uid of ${name}` },
      spec: { template: { spec: { containers: [] } }, ...spec },
    });
    const labelled = [
      workload('Deployment', 'deployment'),
      workload('StatefulSet', 'stateful'),
      workload('DaemonSet', 'daemon'),
      workload('Deployment', 'paused', { paused: true }),
      workload('StatefulSet', 'on-delete', { updateStrategy: { type: 'OnDelete' } }),
    ];
    const unlabelled = workload('Deployment', 'unlabelled');
    const elsewhere = podOf({
      ...workload('Deployment', 'deployment'),
      metadata: { name: 'deployment', namespace: 'staging', uid: 'another' },
    });
    const bare = pod({ name: 'bare' });
    const pods = [
      pod({ name: 'of-app' }),
      ...[...labelled, unlabelled].map(podOf),
      elsewhere,
      { ...bare, metadata: { ...bare.metadata, labels: {} } },
    ];
    expect([...replacedPods(pods, labelled)]).toEqual([
      'production/of-app',
      'production/deployment-0',
      'production/stateful-0',
      'production/daemon-0',
    ]);
  });
});
