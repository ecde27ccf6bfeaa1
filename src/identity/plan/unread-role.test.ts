/**
 * Plans after a restart of the operator: the status of an account whose role cannot be read, and edited settings that a listing
 * does not contain.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { findCondition } from '../../k8s/conditions.ts';
import { planAccount } from './account.ts';
import { kinds, name, ready, roleOf } from '../testing/settled-world.ts';
import {
  createWorld,
  fullAccess,
  observe,
  readOnly,
  restart,
  settle,
  resync,
  type SimulatedWorld,
} from '../testing/simulated-world.ts';

let world: SimulatedWorld;

/** Simulates a restart while IAM denies every read, and a creation that failed because a role with this name exists. */
function restartWithoutReads(): void {
  world.cachedRoles.clear();
  restart(world);
  const failure = { at: world.now, attempts: 1, retryAt: world.now + 60_000 };
  world.failures.set(`CreateRole ${name}`, { code: 'RoleAlreadyExists', message: 'exists', ...failure });
  world.failures.set(`ReadRole ${name}`, { code: 'AccessDenied', message: 'denied', ...failure });
  world.account = { ...world.account, status: planAccount(observe(world)).status };
}

beforeEach(() => {
  world = createWorld({ aws: { policyArns: [readOnly, fullAccess] } });
  settle(world);
  world.journal.length = 0;
});

describe('the status of an account whose role cannot be read after a restart', () => {
  it('keeps the ARN, the id and the attached policies of the role, and gives the reason why Ready is False', () => {
    const { roleArn, roleId } = world.account.status ?? {};
    restartWithoutReads();
    expect(kinds(world)).toEqual([]);
    expect(ready(world)).toBe('False AccessDenied');
    expect(world.account.status).toMatchObject({ roleArn, roleId });
    expect(world.account.status?.policies?.map((row) => row.attached)).toEqual([true, true]);
    expect(findCondition(world.account.status?.conditions, 'PoliciesAttached')).toMatchObject({
      status: 'False',
      reason: 'AccessDenied',
    });
    world.failures.clear();
    settle(world);
    expect(ready(world)).toBe('True Ready');
  });

  it('still shows a policy as attached if it is no longer allowed but was not detached', () => {
    world.facts = { ...world.facts, allowedPolicyArns: [readOnly] };
    settle(world);
    restartWithoutReads();
    expect(world.account.status?.policies?.map((row) => row.attached)).toEqual([true, true]);
    world.failures.clear();
    settle(world);
    expect(roleOf(world).attachedPolicyArns).toEqual([readOnly, fullAccess]);
  });

  it('no longer names the role after a later read has shown that the role does not exist', () => {
    restartWithoutReads();
    world.roles.clear();
    world.failures.clear();
    world.cachedRoles.set(name, { role: null, source: 'read' });
    const { status } = planAccount(observe(world));
    expect(status.roleArn).toBeUndefined();
    expect(status.policies?.map((row) => row.attached)).toEqual([false, false]);
    resync(world);
    settle(world);
    expect(ready(world)).toBe('True Ready');
  });
});

describe('a spec that was edited while no operator ran', () => {
  /** Simulates a restart whose first listing omits the session duration and the description. */
  function restartWithListing(): void {
    world.cachedRoles.clear();
    restart(world);
    resync(world);
    for (const [role, cached] of world.cachedRoles) {
      if (!cached.role) continue;
      const { maxSessionDuration: _, description: __, ...listed } = cached.role;
      world.cachedRoles.set(role, { ...cached, role: listed });
    }
  }
  const edit = (aws: Partial<SimulatedWorld['account']['spec']['aws']>): void => {
    const { metadata, spec } = world.account;
    world.account = {
      ...world.account,
      metadata: { ...metadata, generation: (metadata.generation ?? 0) + 1 },
      spec: { ...spec, aws: { ...spec.aws, ...aws } },
    };
  };

  it.each([{ maxSessionDuration: 7200 }, { description: 'Payments API' }])(
    'is applied to the role, including settings that a listing omits: %o',
    (aws) => {
      edit(aws);
      restartWithListing();
      settle(world);
      expect(kinds(world)).toEqual(['ReadRole', 'UpdateRole']);
      expect(roleOf(world)).toMatchObject(aws);
      expect(ready(world)).toBe('True Ready');
    },
  );

  it.each([
    ['its boundary', { permissionsBoundaryArn: readOnly }, 'PutPermissionsBoundary'],
    ['its tags', { tags: { team: 'payments' } }, 'TagRole'],
  ])('is applied to the role: %s', (_what, aws, kind) => {
    edit(aws);
    restartWithListing();
    settle(world);
    expect(kinds(world)).toEqual(['ReadRole', kind]);
  });

  it('is applied to the role even if a plan was blocked or a write failed before the restart', () => {
    edit({ maxSessionDuration: 7200 });
    const cluster = { ok: false, reason: 'ClusterUnknown', message: 'unknown' } as const;
    world.account = { ...world.account, status: planAccount({ ...observe(world), cluster }).status };
    expect(world.account.status?.observedGeneration).toBe(world.account.metadata.generation);
    restartWithListing();
    const failure = { at: world.now, attempts: 1, retryAt: world.now + 60_000 };
    world.failures.set(`ReadRole ${name}`, { code: 'AccessDenied', message: 'denied', ...failure });
    settle(world);
    expect(ready(world)).toBe('False AccessDenied');
    world.failures.clear();
    restartWithListing();
    settle(world);
    expect(roleOf(world).maxSessionDuration).toBe(7200);
  });

  it('causes a read of the role, but an account without such an edit causes none', () => {
    restartWithListing();
    settle(world);
    expect(kinds(world)).toEqual([]);
  });
});
