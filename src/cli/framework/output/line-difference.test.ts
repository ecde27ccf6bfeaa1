import { expect, it } from 'vitest';
import { lineDifference } from './line-difference.ts';

it('lineDifference marks removed and added lines, and shows common lines once', () => {
  expect(lineDifference(['a', 'b', 'c'], ['a', 'x', 'c', 'd']).map(({ mark, text }) => mark + text)).toEqual([
    ' a',
    '-b',
    '+x',
    ' c',
    '+d',
  ]);
  expect(lineDifference([], ['a'])).toEqual([{ mark: '+', text: 'a' }]);
  expect(lineDifference(['a'], ['a'])).toEqual([{ mark: ' ', text: 'a' }]);
});
