import { expect, it } from 'vitest';
import { sameValue } from './same-value.ts';

it.each([
  ['the order of keys', { a: 1, b: [{ c: 'x', d: null }] }, { b: [{ d: null, c: 'x' }], a: 1 }],
  ['a key without a value', { a: 1, b: undefined }, { a: 1 }],
  ['a key without a value on the other side', { a: 1 }, { a: 1, b: undefined }],
])('ignores %s', (_, a, b) => {
  expect(sameValue(a, b)).toBe(true);
});

it.each([
  ['a value', { a: { b: 1 } }, { a: { b: 2 } }],
  ['a key more', { a: 1 }, { a: 1, b: 2 }],
  ['a key less', { a: 1, b: 2 }, { a: 1 }],
  ['one key for another', { a: 1, b: undefined }, { b: 1, a: undefined }],
  ['the order of a list', { a: [1, 2] }, { a: [2, 1] }],
  ['an item more', { a: [1] }, { a: [1, 2] }],
  ['a list for an object', { a: [] }, { a: {} }],
  ['nothing for null', { a: null }, {}],
  ['a key that every object inherits', {}, { constructor: 'x' }],
  ['a key that every object inherits, the other way', { toString: 'x' }, {}],
])('detects a difference in %s', (_, a, b) => {
  expect(sameValue(a, b)).toBe(false);
});
