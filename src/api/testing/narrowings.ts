/**
 * Finds differences that make a CRD stricter than an earlier one. Kubernetes validates the whole object at its next write, so a
 * stricter schema would reject edits of unrelated fields, and also status updates by the operator.
 * https://kubernetes.io/docs/reference/using-api/deprecation-policy/
 */
export type Crd = {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly scope?: string;
    readonly names?: Readonly<Record<string, unknown>>;
    readonly versions?: readonly CrdVersion[];
  };
};
type CrdVersion = {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly subresources?: object;
  readonly schema: { readonly openAPIV3Schema: Schema };
};
export type Schema = {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly 'x-kubernetes-validations'?: readonly { readonly rule: string }[];
  readonly [keyword: string]: unknown;
};

/**
 * Returns one line per difference, with the path of the field. The list is empty if all objects of the earlier CRD are valid
 * in the later one.
 */
export function narrowings(before: Crd, after: Crd): readonly string[] {
  const problems: string[] = [];
  for (const key of ['group', 'scope', 'names'] as const)
    if (!isSame(before.spec[key], after.spec[key])) problems.push(`spec.${key} changed`);
  for (const version of before.spec.versions ?? []) {
    const later = after.spec.versions?.find(({ name }) => name === version.name);
    if (!later) {
      problems.push(`the version ${version.name} is gone`);
      continue;
    }
    if (version.served && !later.served) problems.push(`${version.name} is no longer served`);
    if (version.storage !== later.storage)
      problems.push(`${version.name} is no longer, or newly, what is stored`);
    if (!isSame(version.subresources, later.subresources))
      problems.push(`the subresources of ${version.name} changed`);
    problems.push(...schemaNarrowings(version.schema.openAPIV3Schema, later.schema.openAPIV3Schema, ''));
  }
  return problems;
}

/** Upper and lower bounds. A later CRD may relax or remove a bound, but must not tighten or add one. */
const upper = ['maximum', 'maxLength', 'maxItems', 'maxProperties'];
const lower = ['minimum', 'minLength', 'minItems', 'minProperties'];
/** Keywords that must not change. `default` is one of them, because stored objects rely on it. */
const fixed = [
  'type',
  'default',
  'pattern',
  'format',
  'nullable',
  'uniqueItems',
  'exclusiveMaximum',
  'exclusiveMinimum',
  'multipleOf',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-int-or-string',
];

export function schemaNarrowings(before: Schema, after: Schema, path: string): readonly string[] {
  const problems: string[] = [];
  const where = path === '' ? '.' : path;
  for (const keyword of fixed)
    if (!isSame(before[keyword], after[keyword]))
      problems.push(`${where}: ${keyword} ${show(before[keyword])} became ${show(after[keyword])}`);
  for (const [keywords, isWider] of [
    [upper, (was: number, is: number) => is >= was],
    [lower, (was: number, is: number) => is <= was],
  ] as const)
    for (const keyword of keywords) {
      const [was, is] = [before[keyword], after[keyword]] as readonly (number | undefined)[];
      if (is !== undefined && (was === undefined || !isWider(was, is)))
        problems.push(`${where}: ${keyword} ${show(was)} became ${show(is)}`);
    }
  if (after.enum && !before.enum) problems.push(`${where}: the values are limited to an enum`);
  const gone = (before.enum ?? []).filter((value) => after.enum && !after.enum.includes(value));
  if (gone.length > 0) problems.push(`${where}: the values ${gone.map(show).join(', ')} are gone`);
  const required = (after.required ?? []).filter(
    (name) =>
      !before.required?.includes(name) &&
      // A new required field with a default is not stricter: the default applies before the check.
      after.properties?.[name]?.['default'] === undefined,
  );
  for (const name of required) problems.push(`${path}.${name} became required`);
  const rules = new Set(before['x-kubernetes-validations']?.map(({ rule }) => rule));
  for (const { rule } of after['x-kubernetes-validations'] ?? [])
    if (!rules.has(rule)) problems.push(`${where}: there is a new rule: ${rule}`);
  for (const [name, schema] of Object.entries(before.properties ?? {})) {
    const later = after.properties?.[name];
    if (later) problems.push(...schemaNarrowings(schema, later, `${path}.${name}`));
    else problems.push(`${path}.${name} is gone`);
  }
  // A new optional field restricts nothing, but a new schema for list items or map values restricts values that were
  // unrestricted.
  for (const [key, suffix] of [
    ['items', '[]'],
    ['additionalProperties', '.*'],
  ] as const) {
    const [was, is] = [before[key], after[key]];
    if (isSchema(was) && isSchema(is)) problems.push(...schemaNarrowings(was, is, `${path}${suffix}`));
    else if (!isSame(was, is)) problems.push(`${where}: ${key} changed`);
  }
  return problems;
}

/** Whether two values are equal as JSON. The same generator writes both values, so their keys have the same order. */
const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null;
const show = (value: unknown): string => JSON.stringify(value) ?? 'nothing';
