import { expect, it } from 'vitest';
import { sameValue } from './same-value.ts';

it.each([
  ['the order of keys', { a: 1, b: [{ c: 'x', d: null }] }, { b: [{ d: null, c: 'x' }], a: 1 }],
  ['a key without a value', { a: 1, b: undefined }, { a: 1 }],
  ['a key without a value on the other side', { a: 1 }, { a: 1, b: undefined }],
])('the comparison of JSON values ignores %s', (_, a, b) => {
  expect(sameValue(a, b)).toBe(true);
});

it.each([
  ['another value', { a: { b: 1 } }, { a: { b: 2 } }],
  ['an additional key', { a: 1 }, { a: 1, b: 2 }],
  ['a missing key', { a: 1, b: 2 }, { a: 1 }],
  ['another key', { a: 1, b: undefined }, { b: 1, a: undefined }],
  ['another order of a list', { a: [1, 2] }, { a: [2, 1] }],
  ['an additional item', { a: [1] }, { a: [1, 2] }],
  ['a list instead of an object', { a: [] }, { a: {} }],
  ['a missing key instead of null', { a: null }, {}],
  ['a key that every object inherits', {}, { constructor: 'x' }],
  ['a key that every object inherits, on the other side', { toString: 'x' }, {}],
])('the comparison of JSON values detects %s', (_, a, b) => {
  expect(sameValue(a, b)).toBe(false);
});
