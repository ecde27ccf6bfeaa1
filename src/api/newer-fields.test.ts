import { describe, expect, it } from 'vitest';
import { crds } from './crds.ts';
import { fieldsAddedTo, fieldsBeyond, newerFields, specSchema, type FieldSchema } from './newer-fields.ts';
import { linkedServiceAccounts } from './resources.ts';

const schema: FieldSchema = {
  properties: {
    name: {},
    mode: { enum: ['a', 'b'] },
    tags: { additionalProperties: {} },
    rules: { items: { properties: { sid: {}, effect: { enum: ['Allow'] } } } },
  },
};

describe('fields that a schema does not contain', () => {
  it.each<[string, unknown, readonly string[]]>([
    ['no such field', { name: 'x', mode: 'a', tags: { 'k11n.dev/x': 'y' }, rules: [{ sid: 's' }] }, []],
    ['a field', { name: 'x', added: null }, ['spec.added']],
    ['a value', { mode: 'c' }, ['spec.mode="c"']],
    ['a field of an entry', { rules: [{ sid: 's' }, { sid: 't', until: '2027' }] }, ['spec.rules[1].until']],
    ['a value of an entry', { rules: [{ effect: 'Deny' }] }, ['spec.rules[0].effect="Deny"']],
    [
      'a field named as one of Object',
      { constructor: 1, toString: 2 },
      ['spec.constructor', 'spec.toString'],
    ],
  ])('are reported with their paths for an object with %s', (_what, value, expected) => {
    expect(fieldsBeyond(schema, value, 'spec')).toEqual(expected);
  });
});

describe('fields added to a schema', () => {
  it('are the fields and values at any depth that the older schema does not have', () => {
    const newer: FieldSchema = {
      properties: {
        ...schema.properties,
        mode: { enum: ['a', 'b', 'c'] },
        rules: { items: { properties: { sid: {}, effect: { enum: ['Allow'] }, until: {} } } },
        added: { properties: { x: {} } },
      },
    };
    expect(fieldsAddedTo(schema, newer, 'spec')).toEqual([
      'spec.mode="c"',
      'spec.rules[].until',
      'spec.added',
    ]);
    expect(fieldsAddedTo(newer, schema, 'spec')).toEqual([]);
    expect(fieldsAddedTo(schema, schema, 'spec')).toEqual([]);
  });
});

describe('the schemas of this version', () => {
  it.each(crds().map((crd) => [crd.metadata.name, crd] as const))(
    '%s has a schema of its spec',
    (_name, crd) => {
      expect(Object.keys(specSchema(crd).properties ?? {})).not.toEqual([]);
    },
  );

  it('contain the fields of a current account, but no field or value of a later version', () => {
    const spec = {
      targets: ['production'],
      aws: { policyArns: ['x'], identityMode: 'PodIdentity', tags: { team: 'a' } },
      deletionPolicy: 'Delete',
    };
    expect(newerFields(linkedServiceAccounts.kind, spec)).toEqual([]);
    const later = { ...spec, aws: { ...spec.aws, identityMode: 'Other', futureField: ['x'] } };
    expect(newerFields(linkedServiceAccounts.kind, later)).toEqual([
      'spec.aws.identityMode="Other"',
      'spec.aws.futureField',
    ]);
  });
});
