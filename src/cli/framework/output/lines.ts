/** Renders rows as lines for programs: separated by tabs, or as CSV. Values are complete and exact. */
import type { Style } from './color.ts';
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
  /** The value is never shortened, because people copy it. */
  readonly whole?: true;
  /** The value is the name of an object with a long prefix, and is shortened from the left. Text with blanks is not. */
  readonly keepsEnd?: true;
  /** A terminal that is too narrow omits this column, in ascending order, before it shortens values much. */
  readonly omission?: number;
  /** The text is wrapped between words where the terminal is too narrow. Only the last column can be wrapped. */
  readonly wraps?: true;
};

export function lineWriter<T>(
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

export const tabbedLine = (values: readonly string[]): string => `${values.map(cell).join('\t')}\n`;

/** Formats a line according to RFC 4180. An empty value is an empty field. */
export const csvLine = (values: readonly string[]): string => `${values.map(csvField).join(',')}\r\n`;

/** Prefixes that spreadsheets interpret as a formula. https://owasp.org/www-community/attacks/CSV_Injection */
const formula = /^[=+\-@\t\r\n＝＋－＠]/;

function csvField(value: string): string {
  const shown = printable(value);
  const text = formula.test(shown) ? `'${shown}` : shown;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Replaces tabs and line breaks, which would start another column or row. */
export function cell(text: string): string {
  return printable(text).replaceAll(/\s+/g, ' ').trim() || '-';
}
