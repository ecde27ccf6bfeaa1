/** One measured number, with the values to compare it with. */
export type Figure = {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Upper bound. */
  readonly bound?: number;
  /** The peer's value for the same work, in the same unit. docs/performance.md describes each peer. */
  readonly peer?: number;
};

export function within({ value, bound }: Figure): boolean {
  return bound === undefined || value <= bound;
}

/**
 * Nearest-rank percentile: the smallest value that is greater than or equal to at least the fraction `share` (0 to 1)
 * of all values.
 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

export function table(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    within(figure) ? ' ' : '!',
    figure.name,
    `${format(figure.value)} ${figure.unit}`,
    figure.bound === undefined ? '' : `<= ${format(figure.bound)}`,
    figure.peer === undefined ? '' : format(figure.peer),
  ]);
  const head = ['', 'what', 'measured', 'bound', 'peer'];
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, column) =>
          column >= 2 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function format(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2);
}
