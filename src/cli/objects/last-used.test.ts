import { expect, it } from 'vitest';
import type { LastUsed } from '../../api/linked-service-account.ts';
import { lastUsedAge, lastUsedText, lastUsedValue } from './last-used.ts';

const now = Date.parse('2026-11-29T15:00:00Z');
const trackedSince = '2026-05-01';

it.each<[LastUsed | undefined, value: string, age: string, text: string | undefined]>([
  [{ date: '2026-11-29', trackedSince }, '2026-11-29', 'today', '2026-11-29 (today)'],
  [{ date: '2026-11-26', trackedSince }, '2026-11-26', '3d ago', '2026-11-26 (3d ago)'],
  // A day in the future counts as today, because the clock of this machine may be slow.
  [{ date: '2026-11-30', trackedSince }, '2026-11-30', 'today', '2026-11-30 (today)'],
  [{ trackedSince }, 'never', 'never', 'never since 2026-05-01, when its role was created'],
  [{ trackedSince: '2024-05-01' }, 'not in 400d', 'not in 400d', 'not in the last 400 days, or never'],
  [undefined, 'unknown', 'unknown', undefined],
])('the last use %j is formatted as the value %s, the age %s and the text "%s"', (use, value, age, text) => {
  expect(lastUsedValue(use, now)).toBe(value);
  expect(lastUsedAge(use, now)).toBe(age);
  expect(lastUsedText(use, now)).toBe(text);
});
