import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { linesOf, textWithoutManagedFields, WatchFormatError, wholeText } from './watch-stream.ts';

async function* chunksOf(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer> {
  let start = 0;
  for (const cut of [...cuts, bytes.length]) {
    yield bytes.subarray(start, cut);
    start = cut;
  }
}

async function batches(bytes: Buffer, cuts: readonly number[]): Promise<(readonly string[])[]> {
  const found: (readonly string[])[] = [];
  for await (const lines of linesOf(chunksOf(bytes, cuts))) found.push(lines);
  return found;
}

describe('the lines of a stream', () => {
  test('that arrive in one chunk are yielded together, without empty lines', async () => {
    expect(await batches(Buffer.from('a\n\nb\r\n\r\nc\n'), [])).toEqual([['a', 'b\r', 'c']]);
    expect(await batches(Buffer.from('a\nbc\nd\n'), [3])).toEqual([['a'], ['bc', 'd']]);
  });

  test('are complete, wherever the bytes are split, even within a character', async () => {
    const lines = ['"é"', '"→"', '"🦔 and 🦔"', 'x'];
    const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
    for (let first = 0; first <= bytes.length; first += 1)
      for (let second = first; second <= bytes.length; second += 1)
        expect((await batches(bytes, [first, second])).flat()).toEqual(lines);
  });

  test('are yielded before the error for an incomplete last line', async () => {
    const seen: (readonly string[])[] = [];
    const read = async (): Promise<void> => {
      for await (const lines of linesOf(chunksOf(Buffer.from('a\nb\nc'), []))) seen.push(lines);
    };
    await expect(read()).rejects.toThrow(WatchFormatError);
    expect(seen).toEqual([['a', 'b']]);
  });
});

describe('the text without managed fields', () => {
  const without = (text: string): string => textWithoutManagedFields(Buffer.from(text));

  test.each([
    ['they are the first field', '{"managedFields":[{"a":{}}],"name":"x"}', '{"name":"x"}'],
    [
      'they are between other fields',
      '{"uid":"1","managedFields":[{"a":{}}],"name":"x"}',
      '{"uid":"1","name":"x"}',
    ],
    ['they are the last field', '{"name":"x","managedFields":[{"a":{}}]}', '{"name":"x"}'],
    ['they are the only field', '{"managedFields":[]}', '{}'],
    ['they contain lists', '{"managedFields":[[1,[2]],[]],"name":"x"}', '{"name":"x"}'],
    [
      'they contain names with brackets',
      '{"managedFields":[{"k:{\\"a\\":[]]]":{}}],"name":"x"}',
      '{"name":"x"}',
    ],
    ['they contain backslashes', String.raw`{"managedFields":["\\","\"]"],"name":"x"}`, '{"name":"x"}'],
  ])('contains all other fields if %s', (_, text, expected) => {
    expect(without(text)).toBe(expected);
  });

  test.each([
    ['there are no managed fields', '{"name":"ä"}'],
    ['only a string contains their name', String.raw`{"note":"{\"managedFields\":[1],}"}`],
    ['they are not terminated', '{"managedFields":[{"a":'],
    ['a string in them is not terminated', '{"managedFields":["a'],
    ['a string in them ends within an escape', '{"managedFields":["a\\'],
  ])('is the whole text if %s', (_, text) => {
    expect(without(text)).toBe(text);
  });

  test('differs from the original text only by the managed fields', () => {
    const metadata = fc.tuple(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue()), fc.nat());
    fc.assert(
      fc.property(metadata, ([fields, managedFields, at]) => {
        const entries = Object.entries(fields).filter(([name]) => name !== 'managedFields');
        const all = entries.toSpliced(at % (entries.length + 1), 0, ['managedFields', managedFields]);
        const textOf = (of: typeof all): string =>
          `{"object":{"metadata":{${of.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join()}},"spec":{}}}`;
        // The decoder leaves out only the first list named `managedFields`, so documents with an earlier list of that
        // name are skipped.
        fc.pre(!wholeText(Buffer.from(JSON.stringify(fields))).includes('"managedFields":['));
        expect(without(textOf(all))).toBe(textOf(entries));
      }),
    );
  });
});
