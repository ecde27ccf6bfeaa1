/**
 * Renders objects and documents as JSON, YAML or names. `kon apply -f -` and kubectl can read the output of `-o json`.
 */
import { stringify } from 'yaml';
import { evaluate, parseTemplate } from './json-path.ts';
import type { DataFormat, OutputFormat } from './format.ts';

export type KubernetesObject = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
};

/**
 * Formats a value as YAML. Quotes text so that YAML 1.1 parsers read it as text: kubectl and other tools would
 * interpret an unquoted `yes` or date as another type.
 */
export const asYaml = (value: unknown): string =>
  stringify(value, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false });

export const asJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Formats the name as kubectl does: `linkedserviceaccount.k11n.dev/myaccount`. */
export function qualifiedName(object: KubernetesObject): string {
  const group = object.apiVersion.includes('/') ? `.${object.apiVersion.split('/')[0]}` : '';
  return `${object.kind.toLowerCase()}${group}/${object.metadata.name}`;
}

const nameLine = (object: KubernetesObject): string => `${qualifiedName(object)}\n`;

const renderers: Readonly<
  Record<
    DataFormat,
    {
      readonly one: (object: KubernetesObject, template: string) => string;
      readonly list: (objects: readonly KubernetesObject[], template: string) => string;
      /** Renders one value in a stream of values, so that a program can separate the values. */
      readonly streamed: (value: object, template: string) => string;
    }
  >
> = {
  json: {
    one: asJson,
    list: (items) => asJson(listOf(items)),
    streamed: (value) => `${JSON.stringify(value)}\n`,
  },
  yaml: {
    one: asYaml,
    list: (objects) => objects.map(asYaml).join('---\n'),
    streamed: (value) => `---\n${asYaml(value)}`,
  },
  name: {
    one: nameLine,
    list: (objects) => objects.map(nameLine).join(''),
    streamed: (value) => nameLine(value as KubernetesObject),
  },
  // The output ends without a line break, as in kubectl.
  jsonpath: {
    one: (object, template) => evaluate(parseTemplate(template), object),
    list: (items, template) => evaluate(parseTemplate(template), listOf(items)),
    streamed: (value, template) => `${evaluate(parseTemplate(template), value)}\n`,
  },
};

function listOf(items: readonly KubernetesObject[]): object {
  return { apiVersion: 'v1', kind: 'List', items };
}

export function renderObject(object: KubernetesObject, format: DataFormat, template: string): string {
  return renderers[format].one(withoutManagedFields(object), template);
}

/** Renders one `List` in JSON, as kubectl does, and one document per object in YAML. */
export function renderList(
  objects: readonly KubernetesObject[],
  format: DataFormat,
  template: string,
): string {
  return renderers[format].list(objects.map(withoutManagedFields), template);
}

/** Renders an object of a watch. */
export function renderStreamed(object: KubernetesObject, format: DataFormat, template: string): string {
  return renderers[format].streamed(withoutManagedFields(object), template);
}

/** Renders an object with the type of its change, as in the watch API. */
export function renderEvent(
  { type, object }: { readonly type: string; readonly object: KubernetesObject },
  format: DataFormat,
  template: string,
): string {
  return format === 'name'
    ? `${type}\t${nameLine(object)}`
    : renderers[format].streamed({ type, object: withoutManagedFields(object) }, template);
}

/** Renders a result that is not an object of the cluster, with the apiVersion of such results. */
export function renderDocument(
  kind: string,
  value: Readonly<Record<string, unknown>>,
  format: OutputFormat,
  template = '',
): string {
  const document = documentOf(kind, value);
  return format === 'jsonpath' ? evaluate(parseTemplate(template), document) : renderValue(document, format);
}

export function documentOf(
  kind: string,
  value: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return { apiVersion: 'cli.k11n.dev/v1', kind, ...value };
}

export function renderValue(value: unknown, format: OutputFormat): string {
  return format === 'yaml' ? asYaml(value) : asJson(value);
}

/** Removes `managedFields`, as kubectl does, because they would obscure the other fields. */
export function withoutManagedFields(object: KubernetesObject): KubernetesObject {
  if (!('managedFields' in object.metadata)) return object;
  const { managedFields: _managedFields, ...metadata } = object.metadata;
  return { ...object, metadata };
}
