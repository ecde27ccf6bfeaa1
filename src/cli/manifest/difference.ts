/** Lists the differences between two values as human-readable lines. */
import { isDeepStrictEqual } from 'node:util';
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
