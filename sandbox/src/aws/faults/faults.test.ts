import { describe, expect, it } from 'vitest';
import type { CallDescription } from '../wire/service.ts';
import { createFaults } from './faults.ts';
import type { FaultSettingsInput } from './settings.ts';

const call = (action: string, resource = 'arn:aws:iam::1:role/kon-a'): CallDescription => ({
  action,
  resource,
  parameters: {},
});

describe('a token bucket', () => {
  it('allows a burst of calls, and then calls at the configured rate', () => {
    const faults = createFaults({ throttles: [{ ratePerSecond: 20, burst: 5 }] });
    const passed = (count: number, at: number): number =>
      Array.from({ length: count }, () => faults.onCall('iam', call('GetRole'), at)).filter(
        ({ error }) => !error,
      ).length;
    expect(passed(10, 0)).toBe(5);
    expect(passed(10, 100)).toBe(2);
    expect(passed(100, 10_000)).toBe(5);
    expect(faults.onCall('iam', call('GetRole'), 10_000)).toMatchObject({
      fault: 'throttled',
      error: { code: 'Throttling', message: 'Rate exceeded', status: 400 },
    });
    expect(faults.onCall('sts', call('GetCallerIdentity'), 10_000).error).toBeUndefined();
  });

  it('limits only the services that it lists', () => {
    const faults = createFaults({
      throttles: [
        { services: ['iam'], ratePerSecond: 1, burst: 1 },
        { services: ['sts', 'eks'], ratePerSecond: 1, burst: 1 },
      ],
    });
    expect(faults.onCall('sts', call('x'), 0).error).toBeUndefined();
    expect(faults.onCall('eks', call('x'), 0).error).toMatchObject({
      code: 'ThrottlingException',
      status: 429,
    });
    expect(faults.onCall('iam', call('x'), 0).error).toBeUndefined();
    expect(faults.onCall('s3', call('x'), 0).error).toBeUndefined();
  });
});

describe('random faults', () => {
  const draws = (seed: number) => {
    const faults = createFaults({ seed, errorRate: 0.1, latencyMs: [5, 15], lostResponseRate: 0.2 });
    return Array.from({ length: 2000 }, () => {
      const { error, latencyMs } = faults.onCall('iam', call('GetRole'), 0);
      return { failed: error !== undefined, latencyMs, lost: faults.losesResponse() };
    });
  };

  it('occur at their configured rates', () => {
    const drawn = draws(7);
    const share = (test: (draw: (typeof drawn)[number]) => boolean): number =>
      drawn.filter(test).length / drawn.length;
    expect(share(({ failed }) => failed)).toBeCloseTo(0.1, 1);
    expect(share(({ lost }) => lost)).toBeCloseTo(0.2, 1);
    expect(drawn.every(({ latencyMs }) => latencyMs >= 5 && latencyMs <= 15)).toBe(true);
  });

  it('are the same with the same seed, and differ with another seed', () => {
    expect(draws(7)).toEqual(draws(7));
    expect(draws(8)).not.toEqual(draws(7));
  });
});

describe('fault rules', () => {
  it('apply only to the calls that match, as many times as configured', () => {
    const faults = createFaults({
      rules: [
        {
          service: 'iam',
          action: 'Attach*',
          resource: '*:role/kon-?',
          times: 2,
          error: { code: 'ConcurrentModification', status: 409 },
        },
      ],
    });
    const outcome = (action: string, resource?: string): string =>
      faults.onCall('iam', call(action, resource), 0).error?.code ?? 'passed';
    expect(outcome('GetRole')).toBe('passed');
    expect(outcome('AttachRolePolicy', 'arn:aws:iam::1:role/other')).toBe('passed');
    expect(outcome('AttachRolePolicy')).toBe('ConcurrentModification');
    expect(faults.settings().rules[0]?.times).toBe(1);
    expect(outcome('AttachRolePolicy')).toBe('ConcurrentModification');
    expect(outcome('AttachRolePolicy')).toBe('passed');
    expect(faults.settings().rules).toEqual([]);
  });

  it('are not used up by throttled calls', () => {
    const faults = createFaults({
      throttles: [{ ratePerSecond: 1, burst: 1 }],
      rules: [{ service: 'iam', action: 'DeleteRole', times: 1, drop: 'afterCall' }],
    });
    expect(faults.onCall('iam', call('GetRole'), 0).error).toBeUndefined();
    expect(faults.onCall('iam', call('DeleteRole'), 0)).toMatchObject({ fault: 'throttled' });
    expect(faults.onCall('iam', call('DeleteRole'), 1000)).toMatchObject({ drop: 'afterCall' });
  });

  it.each<[FaultSettingsInput, RegExp]>([
    [{ rules: [{ service: 'iam' }] }, /must set error/],
    [{ errorRate: 2 }, /errorRate/],
    [{ propagationMs: 3_600_000 }, /propagationMs/],
  ])('are refused if their settings are invalid: %j', (settings, message) => {
    expect(() => createFaults(settings)).toThrow(message);
  });
});
