/** Renders rows as lines for programs: separated by tabs, or as CSV. Values are complete and exact. */
import { printable, type Style } from './color.ts';

export type Column<T> = {
  readonly header: string;
  /** Exact value. An empty value is shown as `-`, so that the columns stay intact. */
  readonly value: (row: T) => string;
  /** Shorter value for a terminal. */
  readonly short?: (row: T) => string;
  /** Shows the column only with `-o wide`, or when the output is not a terminal. */
  readonly wide?: true;
  readonly style?: (row: T) => Style | undefined;
  /** Whether the value is never shortened, because users copy it. */
  readonly whole?: true;
  /**
   * Whether the value is shortened from the left, because it is an object name with a long prefix. Text with blanks is
   * shortened from the right.
   */
  readonly keepsEnd?: true;
  /**
   * Rank of the column. On a narrow terminal, columns with a rank are omitted, the lowest rank first, before values of
   * other columns become too short to read.
   */
  readonly omission?: number;
  /** Whether the text is wrapped between words on a narrow terminal. Only the last column can be wrapped. */
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
