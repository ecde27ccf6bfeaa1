/** Objects as JSON, YAML or names. What `-o json` prints can be read back by `kon apply -f -` and by kubectl. */
import { stringify } from 'yaml';
import { isMachineFormat, type MachineFormat, type OutputFormat } from './format.ts';

export { isMachineFormat, type MachineFormat };

type Printable = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
};

/**
 * Written so that YAML 1.1 reads it alike: kubectl and many others take an unquoted `yes` or date for more than text.
 */
export const asYaml = (value: unknown): string =>
  stringify(value, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false });

/** A name as kubectl writes it: `linkedserviceaccount.k11n.dev/myaccount`. */
export function qualifiedName(object: Printable): string {
  const group = object.apiVersion.includes('/') ? `.${object.apiVersion.split('/')[0]}` : '';
  return `${object.kind.toLowerCase()}${group}/${object.metadata.name}`;
}

const nameLine = (object: Printable): string => `${qualifiedName(object)}\n`;
const asJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const objectRenderers: Readonly<Record<MachineFormat, (object: Printable) => string>> = {
  json: asJson,
  yaml: asYaml,
  name: nameLine,
};

const listRenderers: Readonly<Record<MachineFormat, (objects: readonly Printable[]) => string>> = {
  json: (items) => asJson({ apiVersion: 'v1', kind: 'List', items }),
  yaml: (objects) => objects.map(asYaml).join('---\n'),
  name: (objects) => objects.map(nameLine).join(''),
};

export function renderObject(object: Printable, format: MachineFormat): string {
  return objectRenderers[format](withoutManagedFields(object));
}

/** JSON is one `List`, as kubectl's; YAML is one document per object. */
export function renderList(objects: readonly Printable[], format: MachineFormat): string {
  return listRenderers[format](objects.map(withoutManagedFields));
}

/** The API server's books, which would hide the rest. kubectl leaves them out too. */
function withoutManagedFields(object: Printable): Printable {
  if (!('managedFields' in object.metadata)) return object;
  const { managedFields: _managedFields, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** For commands that declare no tables. */
export function machineFormat(format: OutputFormat): MachineFormat {
  if (isMachineFormat(format)) return format;
  throw new Error(`a command that declares no tables was asked for ${format}`);
}
