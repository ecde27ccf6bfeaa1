import { describe, expect, it } from 'vitest';
import { crds } from './crds.ts';

type Schema = {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
};

/** Paths of all fields below a schema, with their descriptions. */
function* fieldsOf(
  schema: Schema,
  path: string,
): Generator<readonly [path: string, description: string | undefined]> {
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    yield [`${path}.${name}`, field.description];
    yield* fieldsOf(field, `${path}.${name}`);
  }
  if (schema.items) yield* fieldsOf(schema.items, `${path}[]`);
  if (typeof schema.additionalProperties === 'object')
    yield* fieldsOf(schema.additionalProperties, `${path}{}`);
}

describe('kubectl explain', () => {
  it.each(crds().map((crd) => [crd.metadata.name, crd] as const))(
    'has a sentence for every field of %s',
    (_name, crd) => {
      const [version] = crd.spec['versions'] as readonly { schema: { openAPIV3Schema: Schema } }[];
      const { spec, status } = version!.schema.openAPIV3Schema.properties ?? {};
      const fields = [...fieldsOf(spec!, 'spec'), ...(status ? fieldsOf(status, 'status') : [])];
      expect(fields.length).toBeGreaterThan(0);
      expect(
        fields.filter(([, description]) => !/^[A-Z'*].*\.$/s.test(description ?? '')).map(([path]) => path),
      ).toEqual([]);
    },
  );
});
