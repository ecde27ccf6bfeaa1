import { describe, expect, test } from 'vitest';
import { findCondition, isConditionTrue, setConditions, type ConditionDraft } from './conditions.ts';
import type { Wall } from './time.ts';

const at = (text: string, generation: number | undefined = 1) => ({
  now: Date.parse(text) as Wall,
  generation,
});
const ready = (status: ConditionDraft['status'], message = 'm'): ConditionDraft => ({
  type: 'Ready',
  status,
  reason: 'Because',
  message,
});

describe('setConditions', () => {
  const first = setConditions(undefined, [ready('False')], at('2026-01-01T00:00:00.999Z'));

  test('adds a condition with a transition time in whole seconds, and with the generation if one is given', () => {
    const expected = { ...ready('False'), lastTransitionTime: '2026-01-01T00:00:00Z' };
    expect(first).toEqual([{ ...expected, observedGeneration: 1 }]);
    const { now } = at('2026-01-01T00:00:00.999Z');
    expect(setConditions([], [ready('False')], { now, generation: undefined })).toStrictEqual([expected]);
  });

  test('changes the transition time of a condition only when its status changes', () => {
    const later = at('2026-02-01T00:00:00Z', 2);
    expect(setConditions(first, [ready('False', 'other')], later)).toEqual([
      { ...ready('False', 'other'), observedGeneration: 2, lastTransitionTime: '2026-01-01T00:00:00Z' },
    ]);
    expect(setConditions(first, [ready('True')], later)[0]?.lastTransitionTime).toBe('2026-02-01T00:00:00Z');
  });

  test('returns equal conditions when status, reason and message are unchanged', () => {
    expect(setConditions(first, [ready('False')], at('2026-02-01T00:00:00Z'))).toStrictEqual(first);
  });

  test('returns conditions in the order of the drafts, and drops conditions without a draft', () => {
    const drafts = ['A', 'Ready', 'B'].map((type) => ({ ...ready('False'), type }));
    const three = setConditions([], drafts, at('2026-01-01T00:00:00Z'));
    const changed = setConditions(
      three,
      [{ ...ready('True'), type: 'B' }, ready('False')],
      at('2026-02-01T00:00:00Z'),
    );
    expect(changed.map(({ type }) => type)).toEqual(['B', 'Ready']);
    expect(changed[1]).toStrictEqual(three[1]);
  });

  test('truncates a message to the length that the API server accepts', () => {
    const [condition] = setConditions([], [ready('False', 'x'.repeat(40_000))], at('2026-01-01T00:00:00Z'));
    expect(condition?.message).toHaveLength(32_768);
  });

  test.each(['', 'not a word', '1st', 'dash-ed'])('refuses the reason "%s"', (reason) => {
    expect(() => setConditions([], [{ ...ready('True'), reason }], at('2026-01-01T00:00:00Z'))).toThrow(
      TypeError,
    );
  });
});

test('isConditionTrue returns true only for the status True', () => {
  const given = (status: ConditionDraft['status']) =>
    setConditions([], [ready(status)], at('2026-01-01T00:00:00Z'));
  expect(isConditionTrue(given('True'), 'Ready')).toBe(true);
  expect(isConditionTrue(given('Unknown'), 'Ready')).toBe(false);
  expect(isConditionTrue(undefined, 'Ready')).toBe(false);
  expect(findCondition([], 'Ready')).toBeUndefined();
});
