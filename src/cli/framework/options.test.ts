import { describe, expect, it } from 'vitest';
import { wholeNumber } from './options.ts';

describe('wholeNumber', () => {
  it('accepts whole numbers within its limits, both included', () => {
    const parse = wholeNumber('a number of workers', 1, 999);
    expect(['1', '16', '999'].map(parse)).toEqual([1, 16, 999]);
    for (const text of ['0', '-1', '1.5', '1000', 'x', '', '1e2', ' 1'])
      expect(() => parse(text)).toThrow('is not a number of workers');
    expect(wholeNumber('a number of replicas', 0, 99_999)('0')).toBe(0);
  });
});
