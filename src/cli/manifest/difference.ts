/** Differences between two manifests: one sentence per field, or the changed lines of their YAML. Pure. */
import { isDeepStrictEqual } from 'node:util';
import { paint, printable } from '../framework/output/color.ts';
import { asYaml } from '../framework/output/data.ts';
import type { Manifest } from './present.ts';
import { formatPath, type Path } from './schema.ts';

export function differences(before: unknown, after: unknown, path: Path = []): readonly string[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (isPlain(before) && isPlain(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => differences(before[key], after[key], [...path, key]));
  }
  if (Array.isArray(before) && Array.isArray(after) && [...before, ...after].every(isScalar)) {
    const where = formatPath(path);
    const added = after.filter((item) => !before.includes(item));
    const removed = before.filter((item) => !after.includes(item));
    if (added.length + removed.length > 0)
      return [
        ...removed.map((item) => `${where}: ${show(item)} was removed`),
        ...added.map((item) => `${where}: ${show(item)} was added`),
      ];
  }
  return [`${formatPath(path)}: changed from ${show(before)} to ${show(after)}`];
}

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isScalar = (value: unknown): boolean => typeof value !== 'object' || value === null;

const show = (value: unknown): string => JSON.stringify(value) ?? 'nothing';

export type Line = { readonly mark: ' ' | '+' | '-'; readonly text: string };

/**
 * Computes the shortest list of added and removed lines between two texts, from their longest common subsequence of
 * lines.
 */
export function lineDifference(before: readonly string[], after: readonly string[]): readonly Line[] {
  // lengths[i][j] is the length of the longest common subsequence of before.slice(i) and after.slice(j).
  const lengths = Array.from({ length: before.length + 1 }, () =>
    Array.from({ length: after.length + 1 }, () => 0),
  );
  const at = (i: number, j: number): number => lengths[i]?.[j] ?? 0;
  for (let i = before.length - 1; i >= 0; i -= 1)
    for (let j = after.length - 1; j >= 0; j -= 1)
      lengths[i]![j] = before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      lines.push({ mark: ' ', text: before[i] ?? '' });
      i += 1;
      j += 1;
    } else if (j >= after.length || (i < before.length && at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ mark: '-', text: before[i] ?? '' });
      i += 1;
    } else {
      lines.push({ mark: '+', text: after[j] ?? '' });
      j += 1;
    }
  }
  return lines;
}

/** Number of unchanged lines that are shown around each change, as usual in a unified diff. */
const contextLines = 3;

/** @param before manifest before the change; undefined if the object does not exist */
export function renderDifference(
  label: string,
  before: Manifest | undefined,
  after: Manifest,
  color: boolean,
): string {
  const text = (value: Manifest | undefined): readonly string[] =>
    value ? asYaml(value).trimEnd().split('\n') : [];
  const heading = paint('bold', `${label} ${before ? 'would change' : 'would be created'}:`, color);
  const lines = nearChanges(lineDifference(text(before), text(after)));
  return `${heading}\n${lines.map((line) => renderLine(line, color)).join('')}`;
}

function renderLine(line: Line | 'gap', color: boolean): string {
  if (line === 'gap') return '  …\n';
  const shown = `${line.mark} ${printable(line.text)}`;
  if (line.mark === ' ') return `${shown}\n`;
  return `${paint(line.mark === '+' ? 'green' : 'red', shown, color)}\n`;
}

function nearChanges(lines: readonly Line[]): readonly (Line | 'gap')[] {
  const isNear = lines.map((_, index) =>
    lines
      .slice(Math.max(0, index - contextLines), index + contextLines + 1)
      .some((line) => line.mark !== ' '),
  );
  return lines.flatMap((line, index): readonly (Line | 'gap')[] => {
    if (isNear[index]) return [line];
    return index > 0 && isNear[index - 1] ? ['gap'] : [];
  });
}
