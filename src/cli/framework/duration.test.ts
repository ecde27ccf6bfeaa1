import { describe, expect, it } from 'vitest';
import { formatAge, parseDuration, parsePeriod } from './duration.ts';

describe('parseDuration', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['2m', 120_000],
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
  ])('parses %s', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each(['', '5', 'm', '-1s', '0s', '2 m', '2m!', '1d'])('refuses "%s"', (text) => {
    expect(() => parseDuration(text)).toThrow('is not a duration');
  });
});

describe('parsePeriod', () => {
  it.each([
    ['90d', 90 * 86_400_000],
    ['1d12h', 36 * 3_600_000],
    ['30m', 1_800_000],
  ])('parses %s', (text, milliseconds) => {
    expect(parsePeriod(text)).toBe(milliseconds);
  });

  it.each(['', '90', 'd', '0d', '90 d', '3w'])('refuses "%s"', (text) => {
    expect(() => parsePeriod(text)).toThrow('is not a duration');
  });
});

describe('formatAge', () => {
  it.each([
    [-5, '0s'],
    [119_000, '119s'],
    [120_000, '2m'],
    [200_000, '3m20s'],
    [11 * 60_000, '11m'],
    [3 * 3_600_000, '3h'],
    [5 * 3_600_000 + 60_000, '5h1m'],
    [30 * 3_600_000, '30h'],
    [3 * 86_400_000, '3d'],
    [400 * 86_400_000, '400d'],
    [731 * 86_400_000, '2y1d'],
  ])('formats %d ms as %s', (milliseconds, text) => {
    expect(formatAge(milliseconds)).toBe(text);
  });
});
