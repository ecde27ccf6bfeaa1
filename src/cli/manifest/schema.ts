/** Walks a value along the structural schema of its CRD. */
import type { CustomResourceDefinition } from '../../api/crds.ts';
import { closest } from '../framework/closest.ts';

export type StructuralSchema = {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly items?: StructuralSchema;
  readonly additionalProperties?: StructuralSchema | boolean;
  readonly 'x-kubernetes-list-type'?: 'set' | 'map' | 'atomic';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
};

export type Path = readonly (string | number)[];

/** Formats a path: `spec.aws.policyArns[0]` */
export function formatPath(path: Path): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join('');
}

export function schemaOfCrd(crd: CustomResourceDefinition): StructuralSchema {
  const versions = crd.spec['versions'] as readonly { schema: { openAPIV3Schema: StructuralSchema } }[];
  const schema = versions[0]?.schema.openAPIV3Schema;
  if (!schema) throw new Error(`the CRD ${crd.metadata.name} has no version`);
  return schema;
}

type Finding = {
  readonly path: Path;
  readonly schema: StructuralSchema | undefined;
  readonly value: unknown;
};

/** Yields every value with its schema; the schema is undefined for an unknown field. */
export function* walk(value: unknown, schema: StructuralSchema, path: Path = []): Generator<Finding> {
  yield { path, schema, value };
  if (Array.isArray(value)) {
    if (schema.items)
      for (const [index, item] of value.entries()) yield* walk(item, schema.items, [...path, index]);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  // The API server validates `metadata` itself: the schema only says that it is an object.
  if (!schema.properties && schema.additionalProperties === undefined) return;
  for (const [key, child] of Object.entries(value)) {
    const childSchema =
      schema.properties?.[key] ??
      (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined);
    if (childSchema) yield* walk(child, childSchema, [...path, key]);
    else yield { path: [...path, key], schema: undefined, value: child };
  }
}

export type UnknownField = { readonly path: Path; readonly meant: string | undefined };

export function unknownFields(value: unknown, schema: StructuralSchema): readonly UnknownField[] {
  return [...walk(value, schema)]
    .filter((finding) => finding.schema === undefined)
    .map(({ path }) => ({ path, meant: meantField(path, schema) }));
}

/** Returns the known sibling field that is most similar to the last part of the path. */
export function meantField(path: Path, schema: StructuralSchema): string | undefined {
  let parent: StructuralSchema | undefined = schema;
  for (const part of path.slice(0, -1))
    parent = typeof part === 'number' ? parent?.items : parent?.properties?.[part];
  const wrong = String(path.at(-1) ?? '');
  return closest(wrong, Object.keys(parent?.properties ?? {}));
}

/**
 * Finds duplicate entries in lists of type `set`, and duplicate keys in lists of type `map` (`x-kubernetes-list-type`).
 */
export function duplicates(
  value: unknown,
  schema: StructuralSchema,
): readonly { path: Path; value: string; first: string }[] {
  return [...walk(value, schema)].flatMap((finding) => {
    const type = finding.schema?.['x-kubernetes-list-type'];
    if (!Array.isArray(finding.value) || (type !== 'set' && type !== 'map')) return [];
    const keys = finding.schema?.['x-kubernetes-list-map-keys'] ?? [];
    const seen = new Map<string, number>();
    return finding.value.flatMap((item: unknown, index) => {
      const key =
        type === 'set'
          ? String(item)
          : keys.map((name) => String((item as Record<string, unknown>)?.[name])).join('/');
      const first = seen.get(key);
      if (first === undefined) {
        seen.set(key, index);
        return [];
      }
      return [
        {
          path: [...finding.path, index],
          value: key,
          first: formatPath([...finding.path, first]),
        },
      ];
    });
  });
}
