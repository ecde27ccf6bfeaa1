/**
 * Renders rows and columns. On a terminal, values are aligned and shortened. Elsewhere, values are exact, untruncated
 * and separated by tabs, for programs. Both forms have the same headers in the same order.
 */
import type { Output } from '../context.ts';
import { paint } from './color.ts';
import { cell, csvLine, lineWriter, tabbedLine, type Column } from './lines.ts';
import type { OutputFormat } from './format.ts';

export type { Column } from './lines.ts';

type TableOptions = {
  readonly output: Output;
  readonly format: OutputFormat;
  readonly indent?: number;
  /** Whether to fit the table into the terminal. By default, only the format `wide` is not fitted. */
  readonly fit?: boolean;
};

export function renderTable<T>(
  columns: readonly Column<T>[],
  rows: readonly T[],
  options: TableOptions,
): string {
  return tableWriter(columns, options)(rows);
}

/**
 * Returns a writer for a growing table. The first call prints the header, and its rows determine the column widths.
 * Further calls append rows.
 */
export function tableWriter<T>(
  columns: readonly Column<T>[],
  options: TableOptions,
): (rows: readonly T[]) => string {
  if (options.format === 'csv') return lineWriter(columns, csvLine);
  return options.output.isTTY ? alignedWriter(columns, options) : lineWriter(columns, tabbedLine);
}

/** Blanks between columns. */
const gap = 2;
/** Minimum width of a shortened column. */
const leastWidth = 8;
/** Minimum width of a shortened column as long as another column can be omitted (see `omission`). */
const leastReadable = 24;
/** Minimum width of a wrapped column. */
const leastWrapped = 24;

function alignedWriter<T>(
  columns: readonly Column<T>[],
  { output, format, indent = 0, fit = format !== 'wide' }: TableOptions,
): (rows: readonly T[]) => string {
  const wide = format === 'wide';
  const visible = columns.filter((column) => wide || !column.wide);
  const margin = ' '.repeat(indent);
  const room = fit && output.columns !== undefined ? output.columns - indent : Infinity;
  let layout: Layout<T> | undefined;
  return (rows) => {
    const textOf = (column: Column<T>, row: T): string =>
      cell((wide ? column.value : (column.short ?? column.value))(row));
    const isFirst = layout === undefined;
    const { columns: shown, widths: fixed } = (layout ??= fitted(
      visible,
      visible.map((column) =>
        Math.max(column.header.length, ...rows.map((row) => textOf(column, row).length)),
      ),
      room,
    ));
    const texts = rows.map((row) => shown.map((column) => textOf(column, row)));
    const pad = (text: string, index: number): string =>
      index === shown.length - 1 ? text : `${text.padEnd(fixed[index] ?? 0)}${' '.repeat(gap)}`;
    const header = shown
      .map((column, index) =>
        paint('bold', pad(shortened(column.header, fixed[index] ?? 0), index), output.color),
      )
      .join('');
    const before = fixed.slice(0, -1).reduce((sum, width) => sum + width + gap, 0);
    const body = rows.flatMap((row, rowIndex) => {
      const further: string[] = [];
      const line = shown
        .map((column, index) => {
          const width = fixed[index] ?? 0;
          const [text = '', ...more] = column.wraps
            ? wrapped(texts[rowIndex]?.[index] ?? '', width)
            : [shortened(texts[rowIndex]?.[index] ?? '', room === Infinity ? Infinity : width, column)];
          further.push(...more);
          const style = column.style?.(row);
          return style ? paint(style, pad(text, index), output.color) : pad(text, index);
        })
        .join('');
      return [line, ...further.map((text) => `${' '.repeat(before)}${text}`)];
    });
    return [...(isFirst ? [header] : []), ...body].map((line) => `${margin}${line}\n`).join('');
  };
}

type Layout<T> = { readonly columns: readonly Column<T>[]; readonly widths: readonly number[] };

/**
 * Narrows columns until the table fits: first the wrapped column, then the widest of the others. If that is not enough,
 * omits columns: first those with an `omission`, then others from the right.
 */
function fitted<T>(columns: readonly Column<T>[], wanted: readonly number[], room: number): Layout<T> {
  const widths = [...wanted];
  const excess = (): number => widths.reduce((sum, width) => sum + width, (widths.length - 1) * gap) - room;
  const narrow = (index: number, least: number): void => {
    const width = widths[index] ?? 0;
    widths[index] = Math.max(Math.min(least, width), width - Math.max(0, excess()));
  };
  const last = columns.length - 1;
  if (columns[last]?.wraps) narrow(last, leastWrapped);
  const optional = columns.flatMap(({ omission }) => omission ?? []);
  const least = optional.length > 0 ? leastReadable : leastWidth;
  while (excess() > 0) {
    const candidates = widths.map((width, index) =>
      columns[index]?.wraps || columns[index]?.whole ? 0 : width,
    );
    const widest = Math.max(...candidates);
    if (widest <= least) break;
    narrow(candidates.indexOf(widest), Math.max(least, ...candidates.filter((width) => width < widest)));
  }
  if (excess() <= 0 || columns.length <= 2) return { columns, widths };
  const omitted =
    optional.length > 0
      ? columns.findIndex(({ omission }) => omission === Math.min(...optional))
      : columns.findLastIndex(({ wraps }) => !wraps);
  const isKept = (_each: unknown, index: number): boolean => index !== omitted;
  return fitted(columns.filter(isKept), wanted.filter(isKept), room);
}

/** Shortens an ARN from the left, because its end names the object. Shortens other text from the right. */
function shortened(text: string, width: number, { keepsEnd }: { readonly keepsEnd?: true } = {}): string {
  if (text.length <= width) return text;
  const isName = text.startsWith('arn:') || (keepsEnd && !text.includes(' '));
  return isName ? `…${text.slice(text.length - width + 1)}` : `${text.slice(0, width - 1)}…`;
}

/**
 * Splits a text into lines of at most this width, between words if possible. Shortens ARNs that do not fit into one
 * line.
 */
function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let rest = text.replaceAll(/\S*arn:\S+/g, (word) => shortened(word, width, { keepsEnd: true }));
  while (rest.length > width) {
    const space = rest.lastIndexOf(' ', width);
    const at = space > 0 ? space : width;
    lines.push(rest.slice(0, at));
    rest = rest.slice(at).trimStart();
  }
  return [...lines, rest];
}
