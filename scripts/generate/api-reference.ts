import { crds } from '../../src/api/index.ts';

type Schema = {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-validations'?: readonly { readonly message: string }[];
};

/** Generates a page with every field of every kind, from the schemas that the API server enforces. */
export function apiReference(): [path: string, content: string][] {
  const parts = crds().map((crd) => {
    const names = crd.spec['names'] as { kind: string; shortNames: string[]; plural: string };
    const [version] = crd.spec['versions'] as [{ name: string; schema: { openAPIV3Schema: Schema } }];
    const schema = version.schema.openAPIV3Schema;
    const rows = (['spec', 'status'] as const).map((part) => {
      const fields = rowsOf(schema.properties?.[part] ?? {}, part);
      return [
        `### ${names.kind} ${part}`,
        '',
        '| field | type | meaning |',
        '| --- | --- | --- |',
        ...fields,
      ].join('\n');
    });
    return [
      `## ${names.kind}`,
      '',
      schema.description ?? '',
      '',
      `\`kubectl get ${names.plural}.${crd.spec.group}\`, short name \`${names.shortNames.join('`, `')}\`; \`${crd.spec.group}/${version.name}\`, cluster-scoped.`,
      '',
      rows.join('\n\n'),
    ].join('\n');
  });
  const intro =
    '<!-- Generated from src/api by `npm run generate`. -->\n\n# API reference\n\nEvery field of the three kinds, as the API server enforces it.\n';
  return [['docs/reference/api.md', `${intro}\n${parts.join('\n\n')}\n`]];
}

function rowsOf(schema: Schema, path: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const here = `${path}.${name}`;
    const required = schema.required?.includes(name) ? '**required** ' : '';
    const row = `| \`${here}\` | ${typeOf(field)} | ${required}${escape(meaningOf(field))} |`;
    const below = field.items?.properties ? rowsOf(field.items, `${here}[]`) : rowsOf(field, here);
    return [row, ...below];
  });
}

function typeOf(schema: Schema): string {
  if (schema.type === 'array')
    return `list of ${typeOf(schema.items ?? {})}${schema['x-kubernetes-list-type'] === 'set' ? ' (set)' : ''}`;
  if (schema.type === 'object' && typeof schema.additionalProperties === 'object')
    return `map of ${typeOf(schema.additionalProperties)}`;
  return schema.type ?? 'any';
}

function meaningOf(schema: Schema): string {
  const parts = [schema.description ?? ''];
  if (schema.enum) parts.push(`One of ${schema.enum.map((value) => `\`${String(value)}\``).join(', ')}.`);
  if (schema.default !== undefined) parts.push(`Default \`${JSON.stringify(schema.default)}\`.`);
  if (schema.minimum !== undefined || schema.maximum !== undefined)
    parts.push(`${schema.minimum ?? '…'} to ${schema.maximum ?? '…'}.`);
  if (schema.maxItems !== undefined) parts.push(`At most ${schema.maxItems}.`);
  if (schema.pattern !== undefined) parts.push(`Matches \`${schema.pattern}\`.`);
  for (const rule of schema['x-kubernetes-validations'] ?? []) parts.push(`${rule.message}.`);
  return parts.filter(Boolean).join(' ');
}

function escape(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
