import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLater, lineBatches, parseLogLine } from './log-lines.ts';

async function* chunksOf(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer> {
  let start = 0;
  for (const cut of [...new Set(cuts.map((each) => each % (bytes.length + 1)))].toSorted((a, b) => a - b)) {
    if (cut > start) yield bytes.subarray(start, cut);
    start = Math.max(start, cut);
  }
  if (start < bytes.length) yield bytes.subarray(start);
}

describe('the lines of a log', () => {
  it('are complete and the same for any split of the bytes into chunks', async () => {
    const line = fc.string({ unit: fc.constantFrom('a', 'é', ' ', '\r') });
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.boolean(), fc.array(fc.nat(200)), async (lines, ended, cuts) => {
        const text = lines.join('\n') + (ended ? '\n' : '');
        const found: string[] = [];
        for await (const batch of lineBatches(chunksOf(Buffer.from(text), cuts)))
          found.push(...batch.map((each) => each.toString('utf8')));
        expect(found).toEqual(text.match(/[^\n]*\n|[^\n]+$/g) ?? []);
      }),
    );
  });

  it('are split at the maximum length if they have no line break', async () => {
    const sizes: number[] = [];
    const bytes = Buffer.alloc(3 * 1024 * 1024, 'x');
    for await (const batch of lineBatches(chunksOf(bytes, [1024 * 1024, 2 * 1024 * 1024])))
      sizes.push(...batch.map((each) => each.length));
    expect(sizes).toEqual([1024 * 1024, 1024 * 1024, 1024 * 1024]);
  });

  it.each([
    ['2026-01-02T03:04:05.123456789Z text', '2026-01-02T03:04:05.123456789Z', 'text'],
    ['2026-01-02T03:04:05+01:00 ', '2026-01-02T03:04:05+01:00', ''],
    ['no time here', undefined, 'no time here'],
    ['nospace', undefined, 'nospace'],
  ])('are parsed into timestamp and text: %s', (line, time, text) => {
    const parsed = parseLogLine(Buffer.from(line));
    expect([parsed.time, parsed.text.toString('utf8')]).toEqual([time, text]);
  });

  it.each([
    ['2026-01-02T03:04:05.000000002Z', '2026-01-02T03:04:05.000000001Z', true],
    ['2026-01-02T03:04:05.000000001Z', '2026-01-02T03:04:05.000000001Z', false],
    ['2026-01-02T03:04:05.1Z', '2026-01-02T03:04:05.099999999Z', true],
    ['2026-01-02T04:04:06+01:00', '2026-01-02T03:04:05.9Z', true],
    ['2026-01-02T03:04:05Z', '2026-01-02T03:04:06Z', false],
  ])('have timestamps that can be compared (%s is later than %s: %s)', (time, than, later) => {
    expect(isLater(time, than)).toBe(later);
  });
});
