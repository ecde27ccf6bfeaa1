import { describe, expect, it } from 'vitest';
import { commonUse, knownUnusedMs, laterUse, roleUse } from './role-use.ts';
import type { ObservedRole, RoleUse } from './world.ts';

const hour = 3_600_000;
const day = 24 * hour;

const role = (lastUsed: RoleUse | undefined, id = 'AROA1'): ObservedRole => ({
  name: 'a',
  arn: 'arn:aws:iam::123456789012:role/a',
  id,
  path: '/',
  trustPolicy: '{}',
  attachedPolicyArns: [],
  inlinePolicyNames: [],
  tags: {},
  ...(lastUsed ? { lastUsed } : {}),
});
const usedOn = (date: string): RoleUse => ({ date, trackedSince: '2026-01-01' });
const neverUsed: RoleUse = { trackedSince: '2026-01-01' };

it("roleUse returns the UTC day of the last use, and the UTC day of the role's creation", () => {
  const created = new Date('2026-01-01T23:59:59-02:00');
  expect(roleUse(created, new Date('2026-11-28T23:59:59Z'))).toEqual({
    date: '2026-11-28',
    trackedSince: '2026-01-02',
  });
  expect(roleUse(created, undefined)).toEqual({ trackedSince: '2026-01-02' });
});

describe('the last use of a role that is observed again', () => {
  it.each<[string, RoleUse | undefined, RoleUse | undefined, RoleUse | undefined]>([
    ['is the later day', usedOn('2026-11-27'), usedOn('2026-11-28'), usedOn('2026-11-28')],
    [
      'does not go back to an earlier day when a response is older',
      usedOn('2026-11-28'),
      usedOn('2026-11-27'),
      usedOn('2026-11-28'),
    ],
    [
      'remains known when IAM no longer reports the use',
      usedOn('2025-01-01'),
      neverUsed,
      usedOn('2025-01-01'),
    ],
    ['is the first recorded use', neverUsed, usedOn('2026-11-28'), usedOn('2026-11-28')],
    ['remains known when a response omits the use', usedOn('2026-11-28'), undefined, usedOn('2026-11-28')],
    ['is unknown while no response contains a use', undefined, undefined, undefined],
  ])('%s', (_, before, now, expected) => {
    expect(laterUse(role(before), role(now))).toEqual(expected);
  });

  it('is not copied from a deleted role to a new role of the same name', () => {
    expect(laterUse(role(usedOn('2026-11-28')), role(neverUsed, 'AROA2'))).toEqual(neverUsed);
    expect(laterUse(role(usedOn('2026-11-28')), role(undefined, 'AROA2'))).toBeUndefined();
    expect(laterUse(null, role(neverUsed))).toEqual(neverUsed);
  });
});

describe('the last use of several roles', () => {
  it('is the latest use of any of the roles, and counts as tracked since the creation of the newest role', () => {
    const newest = { date: '2026-06-01', trackedSince: '2026-05-01' };
    expect(commonUse([role(usedOn('2026-11-28')), role(newest)])).toEqual({
      date: '2026-11-28',
      trackedSince: '2026-05-01',
    });
    expect(commonUse([role(neverUsed), role({ trackedSince: '2026-05-01' })])).toEqual({
      trackedSince: '2026-05-01',
    });
  });

  it('is unknown if there is no role, or while the use of one role is unknown', () => {
    expect(commonUse([role(usedOn('2026-11-28')), role(undefined)])).toBeUndefined();
    expect(commonUse([])).toBeUndefined();
  });
});

describe('the time for which a role is known to be unused', () => {
  const at = (text: string): number => Date.parse(text);

  it('begins at the end of the day of the last use, and excludes the most recent hours, which IAM may not have recorded yet', () => {
    const use = usedOn('2026-11-28');
    expect(knownUnusedMs(use, at('2026-11-28T12:00:00Z'))).toBe(0);
    expect(knownUnusedMs(use, at('2026-11-29T04:00:00Z'))).toBe(0);
    expect(knownUnusedMs(use, at('2026-11-30T04:00:00Z'))).toBe(day);
  });

  it('begins with the creation of the role if the role was never used', () => {
    expect(knownUnusedMs(neverUsed, at('2026-01-12T04:00:00Z'))).toBe(10 * day);
  });

  it('begins with the creation of the newest role if every last use is earlier than that creation', () => {
    const use = { date: '2026-01-05', trackedSince: '2026-06-01' };
    expect(knownUnusedMs(use, at('2026-06-12T04:00:00Z'))).toBe(10 * day);
  });

  it('is at most the 400 days that IAM reports, unless an earlier use is known', () => {
    expect(knownUnusedMs(neverUsed, at('2028-01-01T00:00:00Z'))).toBe(400 * day);
    expect(knownUnusedMs(usedOn('2026-01-01'), at('2028-01-01T00:00:00Z'))).toBeGreaterThan(700 * day);
  });

  it('is unknown if the last use is unknown', () => {
    expect(knownUnusedMs(undefined, at('2026-11-28T00:00:00Z'))).toBeUndefined();
  });
});
