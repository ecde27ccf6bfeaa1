import { describe, expect, test } from 'vitest';
import {
  anyDate,
  anyNumber,
  anyText,
  comparedPart,
  containing,
  describeExpected,
  differencesOf,
  inAnyOrder,
  including,
  matching,
  shape,
} from './matchers.ts';

describe('the comparison with an expectation', () => {
  test.each([
    ['an object with further members', { a: 1, b: 2 }, { a: 1 }],
    ['a nested object', { a: { b: 'x', c: 1 } }, { a: { b: 'x' } }],
    ['a list of the same length', { a: [{ b: 1, c: 2 }] }, { a: [{ b: 1 }] }],
    ['kinds of values', { a: new Date(0), b: 'x', c: 1 }, { a: anyDate, b: anyText, c: anyNumber }],
    ['parts of a text', { a: 'AROA123', b: 'x y z' }, { a: matching(/^AROA/), b: containing('y') }],
    ['a list with others', [{ k: 1 }, { k: 2 }], including([{ k: 2 }])],
    ['a list in another order', [{ k: 1 }, { k: 2 }], inAnyOrder([{ k: 2 }, { k: 1 }])],
    ['a shape within a list', [{ k: 1, date: new Date(0) }], including([shape({ k: 1 })])],
  ])('finds no difference for %s', (_title, value, expected) => {
    expect(differencesOf(value, expected)).toEqual([]);
  });

  test.each([
    ['a missing member', {}, { a: 1 }, ['a: expected 1, got nothing']],
    ['a longer list', { a: [1, 2] }, { a: [1] }, ['a: expected a list of length 1, got [1,2]']],
    ['an element', { a: [{ b: 1 }] }, { a: [{ b: 2 }] }, ['a[0].b: expected 2, got 1']],
    ['a text for a date', { a: 'x' }, { a: anyDate }, ['a: expected any date, got "x"']],
    [
      'a surplus element',
      { a: [{ k: 1 }, { k: 2 }] },
      { a: inAnyOrder([{ k: 1 }]) },
      ['a: expected a list of length 1, got [{"k":1},{"k":2}]'],
    ],
    [
      'a further member of an element',
      { a: [{ k: 1, l: 2 }] },
      { a: including([{ k: 1 }]) },
      ['a: expected a list that contains {"k":1}, got a list of length 1 without this element'],
    ],
    [
      'a further member within a shape',
      { a: [{ k: { l: 1, m: 2 } }] },
      { a: including([shape({ k: { l: 1 } })]) },
      ['a: expected a list that contains {"k":{"l":1}}, got a list of length 1 without this element'],
    ],
  ])('reports a difference for %s', (_title, value, expected, differences) => {
    expect(differencesOf(value, expected)).toEqual(differences);
  });
});

test('the compared part of a response contains only the members that the table names', () => {
  const value = {
    Role: { Name: 'ours', Id: 'secret' },
    Roles: [{ Name: 'ours' }, { Name: 'of others' }],
    Other: 1,
  };
  const expected = { Role: { Name: 'ours' }, Roles: including([{ Name: 'ours' }]) };
  expect(comparedPart(value, expected)).toEqual({
    Role: { Name: 'ours' },
    Roles: { '<a list with>': [{ Name: 'ours' }] },
  });
  expect(comparedPart({ Roles: [{ Name: 'of others' }] }, { Roles: [] })).toEqual({ Roles: '<a list of 1>' });
  expect(comparedPart({ Role: { Name: 'of others' } }, { Role: 'text' })).toEqual({ Role: '<an object>' });
});

test('an expectation is described as JSON', () => {
  expect(describeExpected({ a: anyDate, b: including([shape({ c: matching(/x/) })]) })).toEqual({
    a: '<any date>',
    b: { '<a list with>': [{ c: '<text that matches /x/>' }] },
  });
});
