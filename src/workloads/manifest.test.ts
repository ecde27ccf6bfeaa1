import { describe, expect, test } from 'vitest';
import { covers, isInSync, seal, type Manifest } from './manifest.ts';

describe('covers', () => {
  const container = { name: 'web', image: 'web:1', env: [{ name: 'A', value: '1' }] };
  const cases: readonly { name: string; wanted: unknown; observed: unknown; expected: boolean }[] = [
    { name: 'equal objects', wanted: { a: 1 }, observed: { a: 1 }, expected: true },
    {
      name: 'an additional field of another manager',
      wanted: { a: 1 },
      observed: { a: 1, b: 2 },
      expected: true,
    },
    { name: 'a changed value', wanted: { a: 1 }, observed: { a: 2 }, expected: false },
    { name: 'a removed field', wanted: { a: { b: 1 } }, observed: {}, expected: false },
    {
      name: 'wanted empty values that Go omits from JSON',
      wanted: { a: '', b: 0, c: [], d: {} },
      observed: {},
      expected: true,
    },
    { name: 'a wanted false that is missing', wanted: { a: false }, observed: {}, expected: false },
    {
      name: 'a quantity that the API server rewrote',
      wanted: { cpu: '0.5' },
      observed: { cpu: '500m' },
      expected: true,
    },
    { name: 'a changed quantity', wanted: { cpu: '0.5' }, observed: { cpu: '501m' }, expected: false },
    {
      name: "a map-like list with the wanted entry after another manager's entry",
      wanted: { containers: [container] },
      observed: { containers: [{ name: 'proxy' }, container] },
      expected: true,
    },
    {
      name: 'a map-like list in which the wanted entry was changed',
      wanted: { containers: [container] },
      observed: { containers: [{ ...container, env: [{ name: 'A', value: '2' }] }] },
      expected: false,
    },
    {
      name: 'a map-like list without the wanted entry',
      wanted: { containers: [container] },
      observed: { containers: [] },
      expected: false,
    },
    {
      name: 'an atomic list with an additional value',
      wanted: { args: ['a'] },
      observed: { args: ['a', 'b'] },
      expected: false,
    },
    {
      name: 'an atomic list in another order',
      wanted: { args: ['a', 'b'] },
      observed: { args: ['b', 'a'] },
      expected: false,
    },
    {
      name: 'a port identified by its number and protocol',
      wanted: { ports: [{ name: 'http', containerPort: 80, protocol: 'TCP' }] },
      observed: {
        ports: [
          { name: 'dns', containerPort: 80, protocol: 'UDP' },
          { name: 'http', containerPort: 80, protocol: 'TCP' },
        ],
      },
      expected: true,
    },
  ];
  test.each(cases)('$name → $expected', ({ wanted, observed, expected }) => {
    expect(covers(observed, wanted)).toBe(expected);
  });
});

describe('isInSync', () => {
  const manifest = (spec: NonNullable<Manifest['spec']>): Manifest => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'production' },
    spec,
  });

  test('returns true for an applied object, whatever the order of its fields', () => {
    expect(isInSync(seal(manifest({ a: 1, b: 2 })), seal(manifest({ b: 2, a: 1 })))).toBe(true);
  });

  test('returns false for an object that still has a removed field, although it has all wanted fields', () => {
    const wanted = seal(manifest({ a: 1 }));
    const observed = seal(manifest({ a: 1, b: 2 }));
    expect(covers(observed.spec, wanted.spec)).toBe(true);
    expect(isInSync(wanted, observed)).toBe(false);
  });

  test('returns false for an object that was changed manually, although its digest is unchanged', () => {
    const wanted = seal(manifest({ a: 1 }));
    expect(isInSync(wanted, { ...wanted, spec: { a: 2 } } as Manifest)).toBe(false);
  });
});
