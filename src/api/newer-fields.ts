/**
 * Detects fields of stored objects that this version does not know. The API server drops fields that its CRD does not
 * have, so an unknown field in a stored object belongs to a later version. This version must not undo the effects of
 * such a field.
 */
import { crds, type CustomResourceDefinition } from './crds.ts';

/** Part of a structural schema that determines which fields exist. */
export type FieldSchema = {
  readonly properties?: Readonly<Record<string, FieldSchema>>;
  readonly additionalProperties?: FieldSchema | boolean;
  readonly items?: FieldSchema;
  readonly enum?: readonly unknown[];
};

type Versions = readonly {
  readonly storage?: boolean;
  readonly schema: { readonly openAPIV3Schema: FieldSchema };
}[];

/** Schema of `spec` in the stored version of a CRD. */
export function specSchema({ spec }: { readonly spec: object }): FieldSchema {
  const versions = (spec as { readonly versions?: Versions }).versions ?? [];
  const stored = versions.find(({ storage }) => storage === true) ?? versions[0];
  return stored?.schema.openAPIV3Schema.properties?.['spec'] ?? {};
}

/**
 * Paths of the fields and enumeration values in `value` that the schema does not have.
 *
 * @param path the path of `value`, for example `spec`
 */
export function fieldsBeyond(schema: FieldSchema, value: unknown, path: string): readonly string[] {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.flatMap((item, index) => fieldsBeyond(items, item, `${path}[${index}]`)) : [];
  }
  if (typeof value === 'object' && value !== null) {
    const { properties = {}, additionalProperties } = schema;
    return Object.entries(value).flatMap(([name, field]) => {
      const known = Object.hasOwn(properties, name) ? properties[name] : undefined;
      if (known) return fieldsBeyond(known, field, `${path}.${name}`);
      if (typeof additionalProperties === 'object')
        return fieldsBeyond(additionalProperties, field, `${path}.${name}`);
      return additionalProperties === true ? [] : [`${path}.${name}`];
    });
  }
  return schema.enum && !schema.enum.includes(value) ? [`${path}=${JSON.stringify(value)}`] : [];
}

/** Paths of fields and enumeration values that are in a schema but not in an older one. */
export function fieldsAddedTo(older: FieldSchema, newer: FieldSchema, path: string): readonly string[] {
  const added = Object.entries(newer.properties ?? {}).flatMap(([name, field]) => {
    const known = older.properties?.[name];
    return known ? fieldsAddedTo(known, field, `${path}.${name}`) : [`${path}.${name}`];
  });
  const below = (
    was: FieldSchema | boolean | undefined,
    is: FieldSchema | boolean | undefined,
  ): readonly string[] =>
    typeof is === 'object' ? fieldsAddedTo(typeof was === 'object' ? was : {}, is, `${path}[]`) : [];
  const values = older.enum ? (newer.enum ?? []).filter((value) => !older.enum?.includes(value)) : [];
  return [
    ...added,
    ...below(older.items, newer.items),
    ...below(older.additionalProperties, newer.additionalProperties),
    ...values.map((value) => `${path}=${JSON.stringify(value)}`),
  ];
}

let schemas: ReadonlyMap<string, FieldSchema> | undefined;

function schemaOf(kind: string): FieldSchema {
  schemas ??= new Map(crds().map((crd: CustomResourceDefinition) => [kindOf(crd), specSchema(crd)]));
  return schemas.get(kind) ?? {};
}

function kindOf({ spec }: CustomResourceDefinition): string {
  return (spec['names'] as { readonly kind: string }).kind;
}

/**
 * Cached results of `newerFields`, by object. A result stays valid, because objects do not change after they are read.
 */
const seen = new WeakMap<object, readonly string[]>();

/** Paths of unknown fields in the spec of one of our objects. */
export function newerFields(kind: string, spec: object): readonly string[] {
  const known = seen.get(spec);
  if (known) return known;
  const fields = fieldsBeyond(schemaOf(kind), spec, 'spec');
  seen.set(spec, fields);
  return fields;
}

/** Condition message for an object with unknown fields; undefined if the object has no unknown field. */
export function newerSpecMessage(kind: string, spec: object): string | undefined {
  const fields = newerFields(kind, spec);
  return fields.length === 0
    ? undefined
    : `the ${kind} has fields that this version of the operator does not know: ${fields.join(', ')}. The operator changes nothing that may depend on these fields. Upgrade the operator to the version of the CRDs`;
}
