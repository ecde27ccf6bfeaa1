/**
 * Writes the result of a command in the requested format. Commands provide data, columns and human-readable text; only
 * this file, data.ts and table.ts know the formats.
 */
import type { CliContext } from '../context.ts';
import type { KubernetesObject } from './data.ts';
import { isData } from './format.ts';
import { csvLine, lineWriter, tabbedLine, type Column } from './lines.ts';

/** Output for programs: objects as a `List`, or a document of `kon` itself, with the apiVersion of such documents. */
type Data<Row> =
  | { readonly object: (row: Row) => KubernetesObject }
  | {
      readonly kind: string;
      readonly value: Readonly<Record<string, unknown>>;
      /** Returns the name of a row for `-o name`. */
      readonly name?: (row: Row) => string;
    };

type List<Row> = {
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly data: Data<Row>;
  /** Text that replaces the empty table (and goes to stderr) if stdout is a terminal. */
  readonly empty?: string;
};

export async function writeList<Row>(
  context: CliContext,
  { rows, columns, data, empty }: List<Row>,
): Promise<void> {
  const { format, template, stdout, stderr } = context;
  if (format === 'custom-columns') {
    const objects = rows.map((row) => ('object' in data ? data.object(row) : row));
    stdout.write(await customTable(context, objects));
  } else if (isData(format)) {
    const { renderDocument, renderList } = await import('./data.ts');
    if ('object' in data) stdout.write(renderList(rows.map(data.object), format, template));
    else if (format === 'name') stdout.write(rows.map((row) => `${data.name?.(row)}\n`).join(''));
    else stdout.write(renderDocument(data.kind, data.value, format, template));
  } else if (rows.length === 0 && empty !== undefined && stdout.isTTY && format !== 'csv')
    stderr.write(empty);
  else stdout.write(await tableText(context, columns, rows));
}

/**
 * @param page returns the human-readable text; by default there is none, e.g. after a write whose result was already
 * printed
 */
export async function writeObject(
  context: CliContext,
  object: KubernetesObject,
  page: () => Promise<string> | string = () => '',
): Promise<void> {
  const { format, template, stdout } = context;
  if (format === 'custom-columns') stdout.write(await customTable(context, [object]));
  else if (isData(format)) stdout.write((await import('./data.ts')).renderObject(object, format, template));
  else stdout.write(await page());
}

/**
 * Writes several objects as data or custom columns. Writes nothing in other formats, because the command has already
 * printed the results.
 */
export async function writeObjects(context: CliContext, objects: readonly KubernetesObject[]): Promise<void> {
  const { format, template, stdout } = context;
  if (format === 'custom-columns') stdout.write(await customTable(context, objects));
  else if (isData(format)) stdout.write((await import('./data.ts')).renderList(objects, format, template));
}

/** Document of a command that accepts several names: the only item, or a list of the items. */
export function oneOrList(
  kind: string,
  items: readonly object[],
): { readonly kind: string; readonly value: Readonly<Record<string, unknown>> } {
  const [first, ...more] = items;
  return more.length > 0 ? { kind: `${kind}List`, value: { items } } : { kind, value: { ...first } };
}

async function customTable(context: CliContext, objects: readonly unknown[]): Promise<string> {
  const { customColumns } = await import('./custom-columns.ts');
  return tableText(context, customColumns(context.template), objects);
}

/**
 * Formats rows. The code that aligns columns is imported only if the output is a terminal, so that piped commands start
 * fast.
 */
async function tableText<T>(
  { format, stdout }: CliContext,
  columns: readonly Column<T>[],
  rows: readonly T[],
): Promise<string> {
  if (format === 'csv') return lineWriter(columns, csvLine)(rows);
  if (!stdout.isTTY) return lineWriter(columns, tabbedLine)(rows);
  const { renderTable } = await import('./table.ts');
  return renderTable(columns, rows, { output: stdout, format });
}

/** @param text returns the human-readable text */
export async function writeDocument(
  { format, template, stdout }: CliContext,
  kind: string,
  value: Readonly<Record<string, unknown>>,
  text: (color: boolean) => string,
): Promise<void> {
  if (isData(format)) stdout.write((await import('./data.ts')).renderDocument(kind, value, format, template));
  else stdout.write(text(stdout.color));
}
