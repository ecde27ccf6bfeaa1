/**
 * Writes what a command found in the format that was asked for. Commands give data, columns and a text for people; what
 * each format makes of them is known here, in data.ts and in table.ts alone.
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
      /** For commands that take `-o name`. */
      readonly name?: (row: Row) => string;
    };

type List<Row> = {
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly data: Data<Row>;
  /** Line on stderr in place of an empty table on a terminal. */
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

/** @param page for people; without it they get nothing, as after a write, whose result they have seen */
export async function writeObject(
  { format, stdout }: CliContext,
  object: KubernetesObject,
  page: () => Promise<string> | string = () => '',
): Promise<void> {
  if (isData(format)) stdout.write((await import('./data.ts')).renderObject(object, format));
  else stdout.write(await page());
}

/** Several objects, whose results were already printed for people. */
export async function writeObjects(
  { format, stdout }: CliContext,
  objects: readonly KubernetesObject[],
): Promise<void> {
  if (isData(format)) stdout.write((await import('./data.ts')).renderList(objects, format));
}

/** @param text for people */
export async function writeDocument(
  { format, stdout }: CliContext,
  kind: string,
  value: Readonly<Record<string, unknown>>,
  text: (color: boolean) => string,
): Promise<void> {
  if (isData(format)) stdout.write((await import('./data.ts')).renderDocument(kind, value, format));
  else stdout.write(text(stdout.color));
}
