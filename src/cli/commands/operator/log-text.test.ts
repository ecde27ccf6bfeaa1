import { describe, expect, it } from 'vitest';
import { textLine } from './log-text.ts';

const line = (fields: object): string =>
  `${JSON.stringify({ level: 'warn', time: '2026-01-02T03:04:05.678Z', msg: 'it happened', ...fields })}\n`;

describe('textLine', () => {
  it('prints time, level and message, then the other fields', () => {
    expect(textLine(line({ account: 'a', attempts: 3, message: 'two words' }), false)).toBe(
      '03:04:05 warn  it happened account=a attempts=3 message="two words"\n',
    );
  });

  it('removes terminal control sequences', () => {
    expect(textLine(line({ name: 'x\u001B[2J' }), false)).toBe('03:04:05 warn  it happened name=x\n');
  });
});
