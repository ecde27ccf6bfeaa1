/**
 * Writes the result of a command in the requested format. Commands provide data, columns and a text for people; only
 * this file, data.ts and table.ts know the formats.
 */
import type { CliContext } from '../context.ts';
import type { KubernetesObject } from './data.ts';
import { isData } from './format.ts';
import { renderTable, type Column } from './table.ts';

/** Output for programs: objects as a `List`, or a document with the command line's own apiVersion. */
type Data<Row> =
  | { readonly object: (row: Row) => KubernetesObject }
  | {
      readonly kind: string;
      readonly value: Readonly<Record<string, unknown>>;
      /** Used for `-o name`. */
      readonly name?: (row: Row) => string;
    };

type List<Row> = {
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly data: Data<Row>;
  /** Line on stderr that replaces an empty table on a terminal. */
  readonly empty?: string;
};

export async function writeList<Row>(
  { format, stdout, stderr }: CliContext,
  { rows, columns, data, empty }: List<Row>,
): Promise<void> {
  if (isData(format)) {
    const { renderDocument, renderList } = await import('./data.ts');
    if ('object' in data) stdout.write(renderList(rows.map(data.object), format));
    else if (format === 'name') stdout.write(rows.map((row) => `${data.name?.(row)}\n`).join(''));
    else stdout.write(renderDocument(data.kind, data.value, format));
  } else if (rows.length === 0 && empty !== undefined && stdout.isTTY && format !== 'csv')
    stderr.write(empty);
  else stdout.write(renderTable(columns, rows, { output: stdout, format }));
}

/**
 * @param page text for people; without it nothing is printed for them, e.g. after a write whose result was already
 * shown
 */
export async function writeObject(
  { format, stdout }: CliContext,
  object: KubernetesObject,
  page: () => Promise<string> | string = () => '',
): Promise<void> {
  if (isData(format)) stdout.write((await import('./data.ts')).renderObject(object, format));
  else stdout.write(await page());
}

/** Writes several objects after their results were printed for people. */
export async function writeObjects(
  { format, stdout }: CliContext,
  objects: readonly KubernetesObject[],
): Promise<void> {
  if (isData(format)) stdout.write((await import('./data.ts')).renderList(objects, format));
}

/** @param text output for people */
export async function writeDocument(
  { format, stdout }: CliContext,
  kind: string,
  value: Readonly<Record<string, unknown>>,
  text: (color: boolean) => string,
): Promise<void> {
  if (isData(format)) stdout.write((await import('./data.ts')).renderDocument(kind, value, format));
  else stdout.write(text(stdout.color));
}
