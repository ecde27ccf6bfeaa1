/** Columns of `-o custom-columns=HEADER:PATH,…`, as in kubectl. Pure. */
import { usageError } from '../errors.ts';
import { parseLonePath, textOf } from './json-path.ts';
import type { Column } from './table.ts';

/** @throws CliError of code USAGE */
export function customColumns(spec: string): readonly Column<unknown>[] {
  // A comma within brackets belongs to a path.
  const parts = spec.match(/(?:\[[^\]]*\]|[^,])+/g) ?? [];
  const columns = parts.map((part): Column<unknown> => {
    const at = part.indexOf(':');
    const [header, path] = [part.slice(0, at), part.slice(at + 1)];
    if (at < 1 || path === '')
      throw usageError(
        `"${part}" is not a column`,
        'Pass HEADER:PATH, for example -o custom-columns=NAME:.metadata.name,ROLE:.status.roleArn',
      );
    const find = parseLonePath(path);
    return { header, value: (object) => find(object).map(textOf).join(',') || '<none>' };
  });
  if (columns.length > 0) return columns;
  throw usageError(
    '--output custom-columns needs columns',
    'Pass columns: -o custom-columns=NAME:.metadata.name',
  );
}
