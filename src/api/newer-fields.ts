/**
 * Fields of stored objects that this version does not know. The API server keeps only fields that its CRD has, so that one
 * which is unknown here comes from a later version. What that field asks for must not be undone by this version.
 */
import { crds, type CustomResourceDefinition } from './crds.ts';

/** The part of a structural schema that decides which fields exist. */
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

/** The schema of `spec` in the stored version of a CRD. */
export function specSchema({ spec }: { readonly spec: object }): FieldSchema {
  const versions = (spec as { readonly versions?: Versions }).versions ?? [];
  const stored = versions.find(({ storage }) => storage === true) ?? versions[0];
  return stored?.schema.openAPIV3Schema.properties?.['spec'] ?? {};
}

/**
 * Paths of the fields, and of the values of enumerations, that a value has and the schema does not.
 *
 * @param path of the value itself: `spec`
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

/** Paths of the fields, and of the values of enumerations, that a schema has and an older one does not. */
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

/** Objects do not change once they are read. */
const seen = new WeakMap<object, readonly string[]>();

/** Paths of the fields in the spec of one of our objects that this version does not know. */
export function newerFields(kind: string, spec: object): readonly string[] {
  const known = seen.get(spec);
  if (known) return known;
  const fields = fieldsBeyond(schemaOf(kind), spec, 'spec');
  seen.set(spec, fields);
  return fields;
}

/** Message of the condition of an object that has such fields; undefined when it has none. */
export function newerSpecMessage(kind: string, spec: object): string | undefined {
  const fields = newerFields(kind, spec);
  return fields.length === 0
    ? undefined
    : `the ${kind} has fields that this version of the operator does not know: ${fields.join(', ')}. Nothing is changed that may depend on them. Upgrade the operator to the version of the CRDs`;
}
