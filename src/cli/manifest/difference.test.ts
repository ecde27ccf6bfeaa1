import { describe, expect, it } from 'vitest';
import { differences, lineDifference } from './difference.ts';

describe('differences', () => {
  it('describes each field that was changed, added or removed, and each list entry that was added or removed', () => {
    expect(
      differences(
        { spec: { a: 1, list: ['x', 'y'], same: { z: 1 }, gone: true } },
        { spec: { a: 2, list: ['y', 'w'], same: { z: 1 }, come: null } },
      ),
    ).toEqual([
      'spec.a: changed from 1 to 2',
      'spec.list: "x" was removed',
      'spec.list: "w" was added',
      'spec.gone: changed from true to nothing',
      'spec.come: changed from nothing to null',
    ]);
  });

  it('shows a reordered list, and a changed list of objects, as a whole', () => {
    expect(differences(['a', 'b'], ['b', 'a'])).toEqual([': changed from ["a","b"] to ["b","a"]']);
    expect(differences({ l: [{ a: 1 }] }, { l: [{ a: 2 }] })).toEqual([
      'l: changed from [{"a":1}] to [{"a":2}]',
    ]);
  });

  it('lists nothing for equal values', () => {
    expect(differences({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] })).toEqual([]);
  });
});

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
