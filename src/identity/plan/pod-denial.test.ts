/** The plan for an account if Quarantines name some of its pods. */
import { describe, expect, it } from 'vitest';
import { findCondition } from '../../k8s/conditions.ts';
import type { LinkedServiceAccountSpec, QuarantinedPod } from '../../api/index.ts';
import { parsePolicyDocument } from '../../policy/document.ts';
import { hasPodDenial, podDenialDocument, podDenialName } from '../desired/pod-denial.ts';
import { isDenied } from '../desired/quarantine.ts';
import { kinds, name, ready, roleOf } from '../testing/settled-world.ts';
import {
  applyStep,
  createWorld,
  edit,
  fullAccess,
  makePod,
  observe,
  readOnly,
  requestDeletion,
  restart,
  resync,
  settle,
  type SimulatedWorld,
} from '../testing/simulated-world.ts';
import { planAccount } from './account.ts';

const boundary = 'arn:aws:iam::123456789012:policy/boundary';
const since = '2026-01-01T00:00:00Z';
const pod: QuarantinedPod = { uid: '0f9b', namespace: 'production', name: 'web-1' };
const statements = [{ actions: ['sqs:SendMessage'], resources: ['*'] }];

/** World with a converged account that uses Pod Identity and whose roles may have inline policies. The journal is empty. */
function bounded(aws: Partial<LinkedServiceAccountSpec['aws']> = {}): SimulatedWorld {
  const world = createWorld({
    aws: { policyArns: [readOnly], permissionsBoundaryArn: boundary, identityMode: 'PodIdentity', ...aws },
  });
  world.facts = { ...world.facts, allowsStatements: true };
  settle(world);
  world.journal.length = 0;
  return world;
}

function quarantinePods(world: SimulatedWorld, ...pods: readonly QuarantinedPod[]): void {
  world.quarantines = pods.map((each) => ({
    name: `incident-${each.uid}`,
    since,
    requestedBy: 'alice',
    pods: [each],
  }));
}

function denying(of: SimulatedWorld = bounded()): SimulatedWorld {
  quarantinePods(of, pod);
  settle(of);
  of.journal.length = 0;
  return of;
}

const denied = (world: SimulatedWorld): readonly string[] | undefined => {
  const { podDenial } = roleOf(world);
  const [, list] = /kubernetes-pod-uid":(\[[^\]]*\])/.exec(podDenial ?? '') ?? [];
  return list === undefined ? undefined : (JSON.parse(list) as string[]);
};

const messageOf = (world: SimulatedWorld): string =>
  findCondition(world.account.status?.conditions, 'Ready')?.message ?? '';

describe('a quarantine of a pod', () => {
  it('writes one inline policy that denies the sessions with the id of the pod, and leaves the account Ready', () => {
    const world = bounded({ statements });
    const before = roleOf(world);
    quarantinePods(world, pod);
    settle(world);
    expect(kinds(world)).toEqual(['PutPodDenial']);
    const { podDenial, inlinePolicyNames, ...role } = roleOf(world);
    const { inlinePolicyNames: namesBefore, ...unchanged } = before;
    expect(role).toEqual(unchanged);
    expect(inlinePolicyNames).toEqual([...namesBefore, podDenialName]);
    expect(JSON.parse(podDenial ?? '')).toMatchObject({
      Statement: [
        {
          Effect: 'Deny',
          Action: '*',
          Resource: '*',
          Condition: { StringEquals: { 'aws:PrincipalTag/kubernetes-pod-uid': ['0f9b'] } },
        },
      ],
    });
    expect(ready(world)).toMatch(/^(True Ready|Unknown AwaitingFirstPod)$/);
    expect(world.account.status?.quarantinedPods).toEqual([
      { ...pod, quarantine: 'incident-0f9b', since, requestedBy: 'alice', denied: true },
    ]);
  });

  it('adds its pod to the inline policy of an earlier quarantine, and the policy is removed when the last Quarantine is deleted', () => {
    const world = denying();
    quarantinePods(world, { uid: '1a2b' }, pod);
    settle(world);
    expect(denied(world)).toEqual(['0f9b', '1a2b']);
    quarantinePods(world, { uid: '1a2b' });
    settle(world);
    expect(denied(world)).toEqual(['1a2b']);
    world.quarantines = [];
    settle(world);
    expect(kinds(world)).toEqual(['PutPodDenial', 'PutPodDenial', 'DeletePodDenial']);
    expect(roleOf(world).inlinePolicyNames).toEqual([]);
    expect(world.account.status).not.toHaveProperty('quarantinedPods');
  });

  it('is not undone by an edit, a restart, a listing or strictInline', () => {
    const world = denying(bounded({ statements }));
    world.facts = { ...world.facts, strictInline: true };
    edit(world, {
      aws: { policyArns: [fullAccess], permissionsBoundaryArn: boundary, identityMode: 'PodIdentity' },
    });
    settle(world);
    restart(world);
    world.lastSynced.clear();
    for (const [key, cached] of world.cachedRoles) world.cachedRoles.set(key, { ...cached, source: 'list' });
    settle(world);
    expect(denied(world)).toEqual(['0f9b']);
    expect(roleOf(world).inlinePolicy).toBeUndefined();
  });

  it.each([
    ['removed', undefined],
    ['changed', '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'],
  ])('writes its policy again after others %s it', (_, podDenial) => {
    const world = denying();
    const { podDenial: __, ...role } = roleOf(world);
    world.roles.set(name, {
      ...role,
      ...(podDenial === undefined ? { inlinePolicyNames: [] } : { podDenial }),
    });
    resync(world);
    settle(world);
    expect(kinds(world)).toContain('PutPodDenial');
    expect(denied(world)).toEqual(['0f9b']);
  });

  it('takes effect even if the spec has fields that this version does not know', () => {
    const world = bounded();
    edit(world, { ...world.account.spec, ofLaterVersion: 'x' } as object);
    quarantinePods(world, pod);
    settle(world);
    expect(denied(world)).toEqual(['0f9b']);
    expect(ready(world)).toBe('False SpecNewerThanOperator');
    expect(world.account.status?.quarantinedPods).toMatchObject([{ denied: true }]);
  });

  it.each<[string, () => SimulatedWorld, RegExp]>([
    [
      'the ClusterConfig allows no statements',
      () => {
        const world = bounded();
        world.facts = { ...world.facts, allowsStatements: false };
        return world;
      },
      /does not allow statements \(spec\.aws\.allowStatements\)/,
    ],
    [
      'the role has no permissions boundary',
      () => {
        const world = createWorld({ aws: { policyArns: [readOnly] } });
        world.facts = { ...world.facts, allowsStatements: true };
        settle(world);
        return world;
      },
      /only on roles with a permissions boundary/,
    ],
    [
      'the inline policies would be too large',
      () =>
        bounded({
          statements: [{ actions: ['sqs:SendMessage'], resources: [`arn:aws:sqs:*:*:${'q'.repeat(9_950)}`] }],
        }),
      /would have \d+ characters, and IAM allows 10240/,
    ],
  ])('is reported as not in force if %s', (_, of, message) => {
    const world = of();
    world.journal.length = 0;
    quarantinePods(world, pod);
    settle(world);
    expect(kinds(world)).not.toContain('PutPodDenial');
    expect(ready(world)).toBe('False PodsNotDenied');
    expect(messageOf(world)).toMatch(message);
    expect(messageOf(world)).toContain('kon account quarantine myaccount');
    expect(world.account.status?.quarantinedPods).toMatchObject([{ denied: false, reason: 'PodsNotDenied' }]);
    expect(findCondition(world.account.status?.conditions, 'PoliciesAttached')?.status).toBe('True');
  });

  it('is reported as not in force for a pod with a web identity', () => {
    const world = bounded({ identityMode: 'IRSA' });
    makePod(world, 'production');
    const [running] = world.namespaces.get('production')?.pods ?? [];
    quarantinePods(world, { uid: running?.name ?? '' }, pod);
    settle(world);
    expect(ready(world)).toBe('False PodsNotDenied');
    expect(messageOf(world)).toMatch(
      /the pod has a web identity \(IRSA\)\. The sessions of a web identity have no tag that identifies the pod/,
    );
    expect(world.account.status?.quarantinedPods?.map((row) => row.denied)).toEqual([true, false]);
  });

  it('stays in force when the ClusterConfig no longer allows statements, and the release of the quarantine then removes the denial', () => {
    const world = denying();
    world.facts = { ...world.facts, allowsStatements: false };
    settle(world);
    expect(denied(world)).toEqual(['0f9b']);
    expect(world.account.status?.quarantinedPods).toMatchObject([{ denied: true }]);
    world.quarantines = [];
    settle(world);
    expect(hasPodDenial(roleOf(world))).toBe(false);
  });

  it('counts as in force while the whole account is cut off, and its denial is written to the role that replaces the old role', () => {
    const world = denying();
    const { id } = roleOf(world);
    const pods = world.quarantines;
    world.quarantines = [...pods, { name: 'all', since }];
    settle(world);
    expect(isDenied(roleOf(world), 'aws')).toBe(true);
    expect(world.account.status?.quarantinedPods).toMatchObject([{ denied: true }]);
    world.quarantines = pods;
    settle(world);
    expect(roleOf(world).id).not.toBe(id);
    expect(denied(world)).toEqual(['0f9b']);
  });

  it('stays in force while the account is being deleted, until all other policies are removed from the role', () => {
    const world = denying(bounded({ statements }));
    requestDeletion(world);
    settle(world);
    expect(
      kinds(world).filter((kind) => /^(DeleteInlinePolicy|DetachPolicy|DeleteRole)$/.test(kind)),
    ).toEqual(['DeleteInlinePolicy', 'DetachPolicy', 'DeleteInlinePolicy', 'DeleteRole']);
    expect(world.gone).toBe(true);
  });

  it('treats a foreign inline policy that has the name of the denial like any other foreign inline policy', () => {
    const world = bounded();
    const theirs = podDenialDocument(['x']).replace('k11n.dev/quarantine', 'theirs');
    world.roles.set(name, { ...roleOf(world), inlinePolicyNames: [podDenialName], podDenial: theirs });
    resync(world);
    settle(world);
    expect(ready(world)).toBe('False InlinePoliciesFound');
    expect(roleOf(world).podDenial).toBe(theirs);
  });

  it('is lifted only after the operator has read the role, if the cached state of the role comes from a listing', () => {
    const world = denying();
    world.quarantines = [];
    for (const [key, cached] of world.cachedRoles) world.cachedRoles.set(key, { ...cached, source: 'list' });
    const { steps } = planAccount(observe(world));
    expect(steps.map(({ kind }) => kind)).toEqual(['ReadRole']);
    for (const step of steps) applyStep(world, step);
    expect(planAccount(observe(world)).steps.map(({ kind }) => kind)).toEqual(['DeletePodDenial']);
  });
});

it('the inline policy that denies quarantined pods is valid for the maximum number of pods that a Quarantine can name', () => {
  const uids = Array.from(
    { length: 50 },
    (_, index) => `0f9b6a0e-0000-4000-8000-${String(index).padStart(12, '0')}`,
  );
  expect(parsePolicyDocument(podDenialDocument(uids), 'identity')).toMatchObject({ ok: true });
});
