/** Plans for associations, case by case. Random sequences are in account.property.test.ts. */
import { describe, expect, it } from 'vitest';
import type { Wall } from '../../k8s/time.ts';
import { type LinkedServiceAccountStatus, type TargetStatus } from '../../api/index.ts';
import { findCondition } from '../../k8s/conditions.ts';
import { roleName } from '../desired/names.ts';
import { ownershipTags } from '../desired/ownership.ts';
import { planAccount } from './account.ts';
import { stepKey } from '../steps/index.ts';
import { admitsPodIdentity } from '../desired/trust.ts';
import {
  admits,
  applyStep,
  createWorld,
  edit,
  facts,
  makePod,
  observe,
  readOnly,
  requestDeletion,
  restart,
  settle,
  resync,
  type SimulatedWorld,
} from '../testing/simulated-world.ts';
import type { IdentityErrorCode } from '../state/errors.ts';
import type { ObservedAssociation } from '../state/world.ts';

const name = roleName({ clusterArn: facts.clusterArn, clusterName: facts.name, account: 'myaccount' });
const arn = `arn:aws:iam::123456789012:role/konstellation/${name}`;
const byAssociation = { aws: { policyArns: [readOnly], identityMode: 'PodIdentity' as const } };

const kinds = (world: SimulatedWorld): string[] => world.journal.map((entry) => entry.step.kind);
const conditionIn = (status: LinkedServiceAccountStatus | undefined, type: string): string => {
  const condition = findCondition(status?.conditions, type);
  return `${condition?.status} ${condition?.reason}`;
};
const condition = (world: SimulatedWorld, type: string): string => conditionIn(world.account.status, type);
const row = (world: SimulatedWorld, target: string): TargetStatus | undefined =>
  world.account.status?.targets?.find((entry) => entry.name === target);

function inPodIdentity(): SimulatedWorld {
  const world = createWorld();
  edit(world, byAssociation);
  settle(world);
  world.journal.length = 0;
  return world;
}

const foreign = (target: string): ObservedAssociation => ({
  id: 'a-foreign',
  arn: 'arn:aws:eks:us-west-2:123456789012:podidentityassociation/main/a-foreign',
  namespace: target,
  serviceAccount: 'myaccount',
  details: { roleArn: 'arn:aws:iam::123456789012:role/theirs', tags: {}, withoutSessionTags: false },
});

function fail(world: SimulatedWorld, key: string, code: IdentityErrorCode): void {
  const failure = {
    code,
    message: `${code}, in words`,
    at: world.now,
    attempts: 1,
    retryAt: world.now + 500,
  };
  world.failures.set(key, failure);
}

describe('a new account in Pod Identity', () => {
  it('gets a role, associations and ServiceAccounts without a role annotation, and is not Ready before the first pod', () => {
    const world = createWorld();
    edit(world, byAssociation);
    settle(world);
    expect(kinds(world)).toEqual([
      'AddFinalizer',
      'CreateRole',
      'AttachPolicy',
      'CreateServiceAccount',
      'CreateAssociation',
      'CreateServiceAccount',
      'CreateAssociation',
      'ConfirmAssociation',
      'ConfirmAssociation',
    ]);
    expect(condition(world, 'TargetsLinked')).toBe('True AllLinked');
    expect(condition(world, 'IdentityProven')).toBe('Unknown AwaitingFirstPod');
    expect(condition(world, 'Ready')).toBe('Unknown AwaitingFirstPod');
    for (const target of facts.targets) {
      expect(world.namespaces.get(target)?.serviceAccount?.roleArn).toBeUndefined();
      expect(world.associations.get(target)?.details).toMatchObject({ roleArn: arn });
      expect(admits(world.roles.get(name)?.trustPolicy ?? '{}', 'PodIdentity', target, 'myaccount')).toBe(
        true,
      );
      expect(admits(world.roles.get(name)?.trustPolicy ?? '{}', 'IRSA', target, 'myaccount')).toBe(false);
    }
  });

  it('is not proven while a pod runs on Fargate, even beside a pod on a node with the agent', () => {
    const world = inPodIdentity();
    const pods = (...of: readonly ('node' | 'fargate')[]): void => {
      for (const target of facts.targets) {
        world.namespaces.get(target)!.pods = [];
        for (const _ of of) makePod(world, target);
        const made = world.namespaces.get(target)!.pods ?? [];
        world.namespaces.get(target)!.pods = made.map((pod, index) =>
          of[index] === 'fargate' ? { ...pod, onFargate: true } : pod,
        );
      }
      settle(world);
    };
    pods('fargate');
    expect(kinds(world)).toEqual([]);
    expect(condition(world, 'IdentityProven')).toBe('False AgentMissing');
    expect(condition(world, 'Ready')).toBe('False AgentMissing');
    const [row] = world.account.status?.targets ?? [];
    expect(row).toMatchObject({ linked: true, proven: false, confirmed: false, reason: 'AgentMissing' });
    expect(row?.message).toContain('runs on AWS Fargate, which has no Pod Identity agent');
    pods('node', 'fargate');
    expect(condition(world, 'Ready')).toBe('False AgentMissing');
    pods('node');
    expect(condition(world, 'Ready')).toBe('True Ready');
  });

  describe('an account with a pod on a node without an agent pod', () => {
    const onNode = (): SimulatedWorld => {
      const world = inPodIdentity();
      for (const target of facts.targets) {
        const namespace = world.namespaces.get(target)!;
        makePod(world, target);
        namespace.pods = (namespace.pods ?? []).map((pod) => ({ ...pod, node: `node-of-${target}` }));
      }
      return world;
    };

    it('is proven if a read of the node shows that it belongs to EKS Auto Mode', () => {
      const world = onNode();
      for (const target of facts.targets) world.autoNodes.add(`node-of-${target}`);
      expect(planAccount(observe(world)).steps).toEqual(
        facts.targets.map((target) => ({ kind: 'ReadNode', target, node: `node-of-${target}` })),
      );
      settle(world);
      expect(kinds(world)).toEqual(['ReadNode', 'ReadNode', 'ProveIdentity', 'ProveIdentity']);
      expect(condition(world, 'Ready')).toBe('True Ready');
    });

    it('is not proven until an agent runs on the node, and the status names the node and the next step', () => {
      const world = onNode();
      settle(world);
      expect(kinds(world)).toEqual(['ReadNode', 'ReadNode']);
      expect(condition(world, 'Ready')).toBe('False AgentMissing');
      expect(row(world, 'production')).toMatchObject({ linked: true, proven: false, confirmed: false });
      expect(row(world, 'production')?.message).toMatch(
        /no Pod Identity agent is ready on its node node-of-production\. Add the agent: aws eks create-addon --cluster-name main .*identityMode: IRSA/,
      );
      for (const target of facts.targets) world.agents.set(`node-of-${target}`, true);
      settle(world);
      expect(condition(world, 'Ready')).toBe('True Ready');
    });

    it('loses its proof if an agent starts on the node and is later removed, even while another pod of the account still has an agent', () => {
      const world = onNode();
      for (const target of facts.targets) world.agents.set(`node-of-${target}`, true);
      settle(world);
      makePod(world, 'production');
      settle(world);
      expect(condition(world, 'Ready')).toBe('True Ready');
      world.agents.set('node-of-production', false);
      settle(world);
      expect(condition(world, 'Ready')).toBe('False AgentMissing');
      expect(row(world, 'staging')?.proven).toBe(true);
    });

    it('is not proven while the node cannot be read, and the status shows the error', () => {
      const world = onNode();
      for (const target of facts.targets)
        fail(world, `ReadNode ${target} node-of-${target}`, 'KubernetesDenied');
      const plan = planAccount(observe(world));
      expect(plan.steps).toEqual([]);
      expect(conditionIn(plan.status, 'Ready')).toBe('False KubernetesDenied');
      expect(plan.status.targets?.[0]).toMatchObject({ proven: false, confirmed: true });
    });
  });

  it('is proven by the first pod of each target, and remains proven after that pod has ended', () => {
    const world = inPodIdentity();
    makePod(world, 'production');
    settle(world);
    expect(kinds(world)).toEqual(['ProveIdentity']);
    expect(condition(world, 'IdentityProven')).toBe('Unknown AwaitingFirstPod');
    makePod(world, 'staging');
    settle(world);
    expect(condition(world, 'Ready')).toBe('True Ready');
    world.namespaces.get('staging')!.pods = [];
    settle(world);
    expect(condition(world, 'Ready')).toBe('True Ready');
  });

  it('reports that EKS does not know the role yet while the role propagates', () => {
    const world = createWorld();
    edit(world, byAssociation);
    for (let step = 0; step < 3; step += 1)
      for (const each of planAccount(observe(world)).steps)
        if (each.kind !== 'CreateAssociation') applyStep(world, each);
    fail(world, 'CreateAssociation production', 'RoleNotAccepted');
    fail(world, 'CreateAssociation staging', 'RoleNotAccepted');
    expect(conditionIn(planAccount(observe(world)).status, 'TargetsLinked')).toBe(
      'False WaitingForPropagation',
    );
    world.now += 120_000;
    fail(world, 'CreateAssociation production', 'RoleNotAccepted');
    fail(world, 'CreateAssociation staging', 'RoleNotAccepted');
    expect(conditionIn(planAccount(observe(world)).status, 'TargetsLinked')).toBe('False RoleNotAccepted');
  });
});

describe('the token exchange of a pod', () => {
  it('takes precedence over the confirmation of the association', () => {
    const world = inPodIdentity();
    makePod(world, 'production');
    const [step] = planAccount(observe(world)).steps;
    expect(step?.kind).toBe('ProveIdentity');
    const key = step ? stepKey(step) : '';
    fail(world, key, 'AssumeRoleDenied');
    world.now += 3_600_000;
    fail(world, key, 'AssumeRoleDenied');
    const { status } = planAccount(observe(world));
    expect(conditionIn(status, 'IdentityProven')).toBe('False AssumeRoleDenied');
    expect(status.targets?.find((entry) => entry.name === 'production')).toMatchObject({
      proven: false,
      confirmed: false,
    });
  });
});

describe('an association with unknown state', () => {
  it('is read if its creation fails because it already exists, and is re-adopted if it belongs to an earlier account of the same name', () => {
    const world = inPodIdentity();
    world.account = { ...world.account, metadata: { name: 'myaccount', uid: 'uid-2', generation: 1 } };
    const { status: _, ...account } = world.account;
    world.account = account;
    world.cachedAssociations.clear();
    settle(world);
    expect(kinds(world).filter((kind) => kind.endsWith('Association'))).toEqual([
      'CreateAssociation',
      'CreateAssociation',
      'ReadAssociation',
      'ReadAssociation',
      'TagAssociation',
      'TagAssociation',
      'ConfirmAssociation',
      'ConfirmAssociation',
    ]);
    for (const { details } of world.associations.values())
      expect(details?.tags['k11n.dev/uid']).toBe('uid-2');
  });

  it('is read before any other step if a write to the association got no response', () => {
    const world = inPodIdentity();
    world.cachedAssociations.set('staging', { association: null, source: 'unknown' });
    expect(planAccount(observe(world)).steps).toEqual([
      { kind: 'ReadAssociation', target: 'staging', why: 'a write to the association got no response' },
    ]);
  });

  it.each<[string, (world: SimulatedWorld) => void]>([
    [
      'a write got no response',
      (world) => world.cachedAssociations.set('staging', { association: null, source: 'unknown' }),
    ],
    ['a listing shows the association, whose owner is unknown', resync],
    ['nothing has been listed or read since the start', () => undefined],
    [
      'a listing is older than the association',
      (world) => world.cachedAssociations.set('staging', { association: null, source: 'list' }),
    ],
  ])('keeps its namespace in the trust policy until it is read if %s', (_, forget) => {
    const world = inPodIdentity();
    // The operator stopped before it wrote the status, and the account switches back to IRSA.
    world.account = { ...world.account, status: {} };
    world.cachedAssociations.clear();
    world.proofs.clear();
    forget(world);
    edit(world, { aws: { policyArns: [readOnly] } });
    const { steps } = planAccount(observe(world));
    expect(steps).toContainEqual(expect.objectContaining({ kind: 'ReadAssociation', target: 'staging' }));
    for (const step of steps)
      if (step.kind === 'UpdateTrustPolicy')
        expect(admitsPodIdentity(step.trustPolicy, 'staging')).toBe(true);
    settle(world);
    expect(admitsPodIdentity(world.roles.get(name)?.trustPolicy ?? '', 'staging')).toBe(false);
  });

  it('is not read again after a restart if a listing contains the association that was confirmed before the restart', () => {
    const world = inPodIdentity();
    world.cachedAssociations.clear();
    restart(world);
    resync(world);
    expect(planAccount(observe(world)).steps).toEqual([]);
  });

  it('is read before it is deleted, whatever the status reports', () => {
    const world = inPodIdentity();
    world.cachedAssociations.clear();
    edit(world, { aws: { policyArns: [readOnly] } });
    restart(world);
    resync(world);
    settle(world);
    const done = world.journal.map(({ step }) =>
      'target' in step ? `${step.kind} ${step.target}` : step.kind,
    );
    for (const target of facts.targets) {
      expect(done).toContain(`DeleteAssociation ${target}`);
      expect(done.indexOf(`ReadAssociation ${target}`)).toBeLessThan(
        done.indexOf(`DeleteAssociation ${target}`),
      );
      expect(done).toContain(`ReadAssociation ${target}`);
    }
  });

  it('is read individually before it counts as deleted', () => {
    const world = inPodIdentity();
    world.associations.delete('staging');
    resync(world);
    settle(world);
    expect(kinds(world)).toEqual(['ReadAssociation', 'CreateAssociation', 'ConfirmAssociation']);
  });
});

describe('a foreign association', () => {
  it('is reported and left unchanged in both identity modes, and the other targets are linked', () => {
    const world = createWorld();
    world.associations.set('production', foreign('production'));
    world.cachedAssociations.set('production', { association: foreign('production'), source: 'read' });
    for (const spec of [{}, byAssociation]) {
      edit(world, spec);
      settle(world);
      expect(row(world, 'production')).toMatchObject({ linked: false, reason: 'ForeignAssociation' });
      expect(row(world, 'production')?.message).toContain(
        'has an association of another owner with arn:aws:iam::123456789012:role/theirs (a-foreign)',
      );
      expect(row(world, 'staging')?.linked).toBe(true);
      expect(condition(world, 'Ready')).toBe('False ForeignAssociation');
    }
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect(world.associations.get('production')).toEqual(foreign('production'));
  });

  it('can also be an association that Konstellation owns for another cluster or another account', () => {
    for (const owner of [
      { ...facts, clusterArn: `${facts.clusterArn}-2`, account: 'myaccount', uid: 'uid-1' },
      { ...facts, account: 'other', uid: 'uid-1' },
    ]) {
      const association = foreign('production');
      const details = { roleArn: arn, tags: ownershipTags(owner), withoutSessionTags: false };
      const world = createWorld();
      edit(world, byAssociation);
      world.cachedAssociations.set('production', {
        association: { ...association, details },
        source: 'read',
      });
      world.associations.set('production', { ...association, details });
      settle(world);
      expect(row(world, 'production')?.reason).toBe('ForeignAssociation');
      expect(world.associations.get('production')?.details).toEqual(details);
    }
  });
});

describe('an association that another owner handed over by tags', () => {
  const handedOver = (): SimulatedWorld => {
    const world = createWorld();
    edit(world, byAssociation);
    world.associations.set('production', foreign('production'));
    world.cachedAssociations.set('production', { association: foreign('production'), source: 'read' });
    settle(world);
    const [, command = ''] = row(world, 'production')?.message?.split(' --tags ') ?? [];
    const tags = Object.fromEntries(command.split(',').map((tag) => tag.split('=')));
    const association = foreign('production');
    const details = { roleArn: 'arn:aws:iam::123456789012:role/theirs', withoutSessionTags: false, tags };
    world.associations.set('production', { ...association, details });
    world.cachedAssociations.set('production', { association: { ...association, details }, source: 'read' });
    world.journal.length = 0;
    return world;
  };

  it("gets the role of the account once the role's trust policy admits the pods, and is never deleted", () => {
    const world = handedOver();
    settle(world);
    const steps = kinds(world);
    expect(steps.filter((kind) => kind.endsWith('Association') && kind !== 'ConfirmAssociation')).toEqual([
      'TagAssociation',
      'UpdateAssociation',
    ]);
    expect(steps).toContain('UpdateTrustPolicy');
    expect(steps.indexOf('UpdateTrustPolicy')).toBeLessThan(steps.indexOf('UpdateAssociation'));
    expect(world.associations.get('production')).toMatchObject({
      id: foreign('production').id,
      details: { roleArn: arn },
    });
  });

  it("keeps its earlier role while the trust policy of the account's role cannot be written", () => {
    const world = handedOver();
    fail(world, `UpdateTrustPolicy ${name}`, 'AccessDenied');
    settle(world);
    expect(kinds(world).filter((kind) => kind.endsWith('Association'))).toEqual(['TagAssociation']);
    expect(row(world, 'production')).toMatchObject({ reason: 'AccessDenied' });
  });
});

describe('an association that is handed back to another owner', () => {
  const change = (world: SimulatedWorld, roleArn: string): void => {
    const association = world.associations.get('production');
    if (!association?.details) throw new Error('there is no association');
    const changed = { ...association, details: { ...association.details, tags: {}, roleArn } };
    world.associations.set('production', changed);
    world.cachedAssociations.set('production', { association: changed, source: 'read' });
  };

  it('keeps its pods in the trust policy, even without our tags, as long as the association names the role of the account', () => {
    const world = inPodIdentity();
    const { trustPolicy } = world.roles.get(name) ?? {};
    change(world, arn);
    settle(world);
    expect(row(world, 'production')?.reason).toBe('ForeignAssociation');
    expect(kinds(world)).toEqual([]);
    expect(world.roles.get(name)?.trustPolicy).toBe(trustPolicy);
    change(world, 'arn:aws:iam::123456789012:role/theirs');
    settle(world);
    expect(kinds(world)).toEqual(['UpdateTrustPolicy']);
    expect(admitsPodIdentity(world.roles.get(name)?.trustPolicy ?? '', 'production')).toBe(false);
    expect(admitsPodIdentity(world.roles.get(name)?.trustPolicy ?? '', 'staging')).toBe(true);
  });
});

describe('an association that an earlier version created without an issuer tag', () => {
  const untagged = (world: SimulatedWorld): void => {
    const association = world.associations.get('production');
    if (!association?.details) throw new Error('there is no association');
    const { 'k11n.dev/issuer': _, ...tags } = association.details.tags;
    const changed = { ...association, details: { ...association.details, tags } };
    world.associations.set('production', changed);
    world.cachedAssociations.set('production', { association: changed, source: 'read' });
  };

  it('gets the tag by one call while the account remains Ready', () => {
    const world = inPodIdentity();
    const before = row(world, 'production');
    untagged(world);
    world.journal.length = 0;
    settle(world);
    expect(world.journal.map(({ step }) => step.kind)).toEqual(['TagAssociation']);
    expect(row(world, 'production')).toEqual(before);
    expect(world.associations.get('production')?.details?.tags['k11n.dev/issuer']).toBeDefined();
  });

  it('is left unchanged if its tags name an earlier account, because the association may belong to another cluster of the same name', () => {
    const world = inPodIdentity();
    untagged(world);
    const before = world.associations.get('production');
    world.account = { ...world.account, metadata: { ...world.account.metadata, uid: 'uid-2' } };
    settle(world);
    expect(row(world, 'production')?.reason).toBe('ForeignAssociation');
    expect(world.associations.get('production')).toEqual(before);
  });
});

describe('with Pod Identity', () => {
  it('a target that the account no longer names is first removed from the trust policy, and then its association and its ServiceAccount are deleted', () => {
    const world = inPodIdentity();
    edit(world, { targets: ['staging'] });
    settle(world);
    expect(kinds(world)).toEqual(['UpdateTrustPolicy', 'DeleteAssociation', 'DeleteServiceAccount']);
    expect(world.associations.has('production')).toBe(false);
  });

  it('the deletion of an account deletes all its associations, even an association that neither the status nor a listing shows', () => {
    const world = inPodIdentity();
    requestDeletion(world);
    const { status: _, ...account } = world.account;
    world.account = account;
    world.cachedAssociations.clear();
    settle(world);
    expect(world.gone).toBe(true);
    expect(world.associations.size).toBe(0);
    expect(kinds(world).indexOf('UpdateTrustPolicy')).toBeLessThan(kinds(world).indexOf('DeleteAssociation'));
  });

  it('an association is replaced if an update does not remove its target role', () => {
    const world = inPodIdentity();
    const association = world.associations.get('production');
    if (!association?.details) throw new Error('it is not associated');
    const targetRoleArn = 'arn:aws:iam::999999999999:role/theirs';
    const changed = { ...association, details: { ...association.details, targetRoleArn } };
    world.associations.set('production', changed);
    world.cachedAssociations.set('production', { association: changed, source: 'read' });
    const at = world.now;
    for (const code of ['AccessDenied', 'NotInEffect'] as const) {
      world.failures.set('UpdateAssociation production', {
        code,
        message: 'it has a target role still',
        at,
        attempts: 1,
        retryAt: at,
      });
      const planned = planAccount(observe(world)).steps.map(({ kind }) => kind);
      expect(planned).toEqual([code === 'AccessDenied' ? 'UpdateAssociation' : 'DeleteAssociation']);
    }
    world.journal.length = 0;
    settle(world);
    expect(kinds(world)).toEqual(['DeleteAssociation', 'CreateAssociation', 'ConfirmAssociation']);
    expect(world.associations.get('production')?.details).toEqual(association.details);
    expect(world.failures.size).toBe(0);
  });

  it('an association is corrected if others have changed its policy and session tags, and a pod then proves the identity again', () => {
    const world = inPodIdentity();
    const association = world.associations.get('production');
    const namespace = world.namespaces.get('production');
    if (!association?.details || !namespace) throw new Error('it is not associated');
    const { roleArn } = association.details;
    const createdAt = world.now as Wall;
    namespace.pods = [{ name: 'p', holds: { mode: 'PodIdentity', roleArn }, createdAt }];
    settle(world);
    const details = { ...association.details, policy: '{}', withoutSessionTags: true };
    world.associations.set('production', { ...association, details });
    world.cachedAssociations.set('production', { association: { ...association, details }, source: 'read' });
    const { status } = planAccount(observe(world));
    expect(status.targets?.find(({ name: target }) => target === 'production')).toMatchObject({
      proven: false,
      message: expect.stringContaining('to a session policy and disableSessionTags') as string,
    });
    world.journal.length = 0;
    settle(world);
    expect(kinds(world)).toEqual(['UpdateAssociation', 'ConfirmAssociation', 'ProveIdentity']);
  });

  it('an association whose role was changed or whose session tags were disabled is corrected', () => {
    const world = inPodIdentity();
    const association = world.associations.get('production');
    if (!association?.details) throw new Error('it is not associated');
    for (const change of [
      { roleArn: 'arn:aws:iam::123456789012:role/theirs' },
      { withoutSessionTags: true },
      { targetRoleArn: 'arn:aws:iam::999999999999:role/theirs' },
      { withoutSessionTags: true, policy: '{}' },
    ]) {
      const changed = { ...association, details: { ...association.details, ...change } };
      world.associations.set('production', changed);
      world.cachedAssociations.set('production', { association: changed, source: 'read' });
      world.journal.length = 0;
      settle(world);
      expect(kinds(world)).toEqual(['UpdateAssociation', 'ConfirmAssociation']);
      expect(world.associations.get('production')?.details).toEqual(association.details);
    }
  });
});
