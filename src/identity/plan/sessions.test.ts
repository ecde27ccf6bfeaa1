import { describe, expect, it } from 'vitest';
import { formerTargets, latestSessionEnd, type Unlinking } from './sessions.ts';
import { createWorld, edit, facts, observe, settle } from '../testing/simulated-world.ts';
import { planAccount } from './account.ts';
import { after, type Wall } from '../../k8s/time.ts';

const now = Date.parse('2026-01-01T12:00:00Z') as Wall;
const hours = (count: number): number => count * 3_600_000;

describe('the end of the last session of a target', () => {
  it('is the time at which the change has propagated plus the maximum session duration of the role', () => {
    expect(latestSessionEnd(now, { maxSessionSeconds: 3600 })).toBe(now + hours(1) + 60_000);
    expect(latestSessionEnd(now, { maxSessionSeconds: 43_200, identityMode: 'IRSA' })).toBe(
      now + hours(12) + 60_000,
    );
  });

  it("is at least six hours after the change if the target uses Pod Identity, which ignores the role's session duration", () => {
    const of = (maxSessionSeconds: number): number =>
      latestSessionEnd(now, { maxSessionSeconds, identityMode: 'PodIdentity' });
    expect(of(3600)).toBe(now + hours(6) + 60_000);
    expect(of(43_200)).toBe(now + hours(12) + 60_000);
  });
});

describe('former targets', () => {
  const base: Unlinking = {
    now,
    former: [],
    before: [
      { name: 'production', linked: true, proven: true },
      { name: 'staging', linked: true, proven: true, roleArn: 'arn' },
      { name: 'never', linked: false, proven: false },
    ],
    wanted: new Set(['production']),
    pending: new Set(),
    isNarrowed: true,
    maxSessionSeconds: 3600,
  };
  const staging = { name: 'staging', roleArn: 'arn', sessionsUntil: '2026-01-01T13:01:00Z' };

  it('are targets that were linked and are no longer wanted', () => {
    expect(formerTargets(base)).toEqual([staging]);
  });

  it('are listed from the moment when the trust policy no longer names them, and the reported end of their sessions does not change', () => {
    expect(formerTargets({ ...base, isNarrowed: false })).toEqual([]);
    expect(formerTargets({ ...base, now: after(now, 1000), former: [staging] })).toEqual([staging]);
  });

  it('are removed from the list after their sessions have ended, but not before their link is removed', () => {
    const later = { ...base, now: after(now, hours(2)), former: [staging] };
    expect(formerTargets({ ...later, before: [] })).toEqual([]);
    expect(formerTargets({ ...later, pending: new Set(['staging']) })).toEqual([staging]);
  });

  it('are removed from the list when the account names them again', () => {
    expect(formerTargets({ ...base, wanted: new Set(['production', 'staging']), former: [staging] })).toEqual(
      [],
    );
  });
});

describe('an account that loses a target', () => {
  it("reports how long the target's sessions may live, until that time has passed", () => {
    const world = createWorld({ targets: ['production', 'staging'] });
    settle(world);
    edit(world, { ...world.account.spec, targets: ['production'] });
    while (planAccount(observe(world)).steps.length > 0) settle(world);
    const [former] = world.account.status?.formerTargets ?? [];
    expect(former?.name).toBe('staging');
    expect(former?.roleArn).toBe(world.account.status?.roleArn);
    const left = Date.parse(former?.sessionsUntil ?? '') - world.now;
    expect(left).toBeGreaterThan(hours(1) - 60_000);
    expect(left).toBeLessThanOrEqual(hours(1) + 60_000);
    expect(planAccount(observe(world)).requeueAt).toBeLessThanOrEqual(world.now + left);
    world.now += left + 1;
    settle(world);
    expect(world.account.status).not.toHaveProperty('formerTargets');
  });

  it('calculates the end of the sessions from the earlier session duration, even if an edit shortens the duration at the same time', () => {
    const world = createWorld({ aws: { policyArns: [], maxSessionDuration: 43_200 } });
    settle(world);
    const at = world.now;
    world.facts = { ...facts, targets: ['production'] };
    edit(world, { ...world.account.spec, aws: { policyArns: [] } });
    settle(world);
    const [former] = world.account.status?.formerTargets ?? [];
    expect(Date.parse(former?.sessionsUntil ?? '') - at).toBeGreaterThanOrEqual(hours(12));
  });
});
