/**
 * Checks docs/must-not.md: every row of its tables must name tests that exist. A row names a test by its file in backticks, a
 * colon, and its title in double quotes.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const page = 'docs/must-not.md';
const heads = ['what must not happen', '---'];

/** Returns a description of each fault in the page. */
export function mustNotFaults(root: string): readonly string[] {
  const rows = readFileSync(join(root, page), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.slice(2, -2).split(' | '))
    .filter(([claim = '']) => !heads.includes(claim));
  if (rows.length === 0) return [`${page} has no lines`];
  return rows.flatMap(([claim = '', held = '']) => {
    const tests = [...held.matchAll(/`([^`]+)`: "([^"]+)"/g)];
    if (tests.length === 0) return `${page}: no test holds "${claim}"`;
    return tests.flatMap(([, file = '', name = '']) =>
      hasTest(join(root, file), name)
        ? []
        : `${page}: ${file} has no test "${name}", which is to hold "${claim}"`,
    );
  });
}

/** Whether the file has a test with exactly this title that is not skipped. */
function hasTest(path: string, name: string): boolean {
  if (!existsSync(path)) return false;
  const text = readFileSync(path, 'utf8');
  return ["'", '"', '`'].some((quote) => {
    const at = text.indexOf(quote + name.replaceAll(quote, `\\${quote}`) + quote);
    return at >= 0 && /(?:\b(?:it|test)|\))\(\s*$/.test(text.slice(0, at));
  });
}
