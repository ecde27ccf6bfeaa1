/**
 * Renders rows and columns: aligned and shortened on a terminal; elsewhere separated by tabs, untruncated and with
 * exact values, for programs. Headers and their order are the same in both.
 */
import type { Output } from '../context.ts';
import { paint, type Style } from './color.ts';
import type { OutputFormat } from './format.ts';
import { printable } from './printable.ts';

export type Column<T> = {
  readonly header: string;
  /** Exact value. An empty one is shown as `-`, so that the columns stay intact. */
  readonly value: (row: T) => string;
  /** Shorter value for a terminal. */
  readonly short?: (row: T) => string;
  /** Shown only with `-o wide`, or when the output is not a terminal. */
  readonly wide?: true;
  readonly style?: (row: T) => Style | undefined;
};

type TableOptions = { readonly output: Output; readonly format: OutputFormat; readonly indent?: number };

export function renderTable<T>(
  columns: readonly Column<T>[],
  rows: readonly T[],
  options: TableOptions,
): string {
  return tableWriter(columns, options)(rows);
}

/**
 * Writes a growing table: the first rows are printed with the header and determine the column widths; further rows are
 * appended.
 */
export function tableWriter<T>(
  columns: readonly Column<T>[],
  options: TableOptions,
): (rows: readonly T[]) => string {
  if (options.format === 'csv') return lineWriter(columns, csvLine);
  return options.output.isTTY ? alignedWriter(columns, options) : lineWriter(columns, tabbedLine);
}

function lineWriter<T>(
  columns: readonly Column<T>[],
  line: (values: readonly string[]) => string,
): (rows: readonly T[]) => string {
  let header: readonly (readonly string[])[] = [columns.map((column) => column.header)];
  return (rows) => {
    const lines = [...header, ...rows.map((row) => columns.map((column) => column.value(row)))];
    header = [];
    return lines.map(line).join('');
  };
}

const tabbedLine = (values: readonly string[]): string => `${values.map(cell).join('\t')}\n`;

/** Formats a line according to RFC 4180. An empty value is an empty field. */
const csvLine = (values: readonly string[]): string => `${values.map(csvField).join(',')}\r\n`;

/** Prefixes that spreadsheets interpret as a formula. https://owasp.org/www-community/attacks/CSV_Injection */
const formula = /^[=+\-@\t\r\n＝＋－＠]/;

function csvField(value: string): string {
  const shown = printable(value);
  const text = formula.test(shown) ? `'${shown}` : shown;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function alignedWriter<T>(
  columns: readonly Column<T>[],
  { output, format, indent = 0 }: TableOptions,
): (rows: readonly T[]) => string {
  const wide = format === 'wide';
  const shown = columns.filter((column) => wide || !column.wide);
  const margin = ' '.repeat(indent);
  let widths: readonly number[] | undefined;
  return (rows) => {
    const texts = rows.map((row) =>
      shown.map((column) => cell((wide ? column.value : (column.short ?? column.value))(row))),
    );
    const isFirst = widths === undefined;
    const fixed = (widths ??= shown.map((column, index) =>
      Math.max(column.header.length, ...texts.map((cells) => cells[index]?.length ?? 0)),
    ));
    const pad = (text: string, index: number): string =>
      index === shown.length - 1 ? text : `${text.padEnd(fixed[index] ?? 0)}  `;
    const header = shown
      .map((column, index) => paint('bold', pad(column.header, index), output.color))
      .join('');
    const body = rows.map((row, rowIndex) =>
      shown
        .map((column, index) => {
          const style = column.style?.(row);
          const text = pad(texts[rowIndex]?.[index] ?? '', index);
          return style ? paint(style, text, output.color) : text;
        })
        .join(''),
    );
    return [...(isFirst ? [header] : []), ...body].map((line) => `${margin}${line}\n`).join('');
  };
}

/** Replaces tabs and line breaks, which would start another column or row. */
function cell(text: string): string {
  return printable(text).replaceAll(/\s+/g, ' ').trim() || '-';
}
