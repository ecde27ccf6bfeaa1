import { describe, expect, test } from 'vitest';
import { findCondition, isConditionTrue, setCondition, type ConditionInput } from './conditions.ts';

const at = (text: string) => () => Date.parse(text);
const ready = (status: ConditionInput['status'], message = 'm', observedGeneration = 1): ConditionInput => ({
  type: 'Ready',
  status,
  reason: 'Because',
  message,
  observedGeneration,
});

describe('setCondition', () => {
  const first = setCondition([], ready('False'), at('2026-01-01T00:00:00.999Z'));

  test('adds one, with whole seconds', () => {
    expect(first).toEqual([{ ...ready('False'), lastTransitionTime: '2026-01-01T00:00:00Z' }]);
  });

  test('moves the time of transition with the status, and with nothing else', () => {
    const later = at('2026-02-01T00:00:00Z');
    expect(setCondition(first, ready('False', 'other', 2), later)).toEqual([
      { ...ready('False', 'other', 2), lastTransitionTime: '2026-01-01T00:00:00Z' },
    ]);
    expect(setCondition(first, ready('True'), later)[0]?.lastTransitionTime).toBe('2026-02-01T00:00:00Z');
  });

  test('gives back the same list when there is nothing to write', () => {
    expect(setCondition(first, ready('False'), at('2026-02-01T00:00:00Z'))).toBe(first);
  });

  test('leaves the others alone, in their places', () => {
    const now = at('2026-02-01T00:00:00Z');
    const three = ['A', 'Ready', 'B'].reduce(
      (list, type) => setCondition(list, { ...ready('False'), type }, now),
      setCondition([], { ...ready('True'), type: 'Z' }, now),
    );
    const changed = setCondition(three, ready('True'), now);
    expect(changed.map(({ type }) => type)).toEqual(['Z', 'A', 'Ready', 'B']);
    expect(changed.filter((condition, index) => condition !== three[index])).toHaveLength(1);
  });

  test.each(['', 'not a word', '1st', 'dash-ed'])('refuses the reason "%s"', (reason) => {
    expect(() => setCondition([], { ...ready('True'), reason }, at('2026-01-01T00:00:00Z'))).toThrow(
      TypeError,
    );
  });
});

test('only True is true', () => {
  const now = at('2026-01-01T00:00:00Z');
  expect(isConditionTrue(setCondition([], ready('True'), now), 'Ready')).toBe(true);
  expect(isConditionTrue(setCondition([], ready('Unknown'), now), 'Ready')).toBe(false);
  expect(isConditionTrue(undefined, 'Ready')).toBe(false);
  expect(findCondition([], 'Ready')).toBeUndefined();
});
