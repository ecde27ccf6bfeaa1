/** Renders the difference between two manifests line by line, as YAML. Pure. */
import { paint } from '../framework/output/color.ts';
import { asYaml } from '../framework/output/data.ts';
import { lineDifference, type Line } from '../framework/output/line-difference.ts';
import { printable } from '../framework/output/printable.ts';
import type { Manifest } from './manifest.ts';

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
