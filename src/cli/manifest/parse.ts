/** Parses YAML or JSON text into plain values, and reports every fault with its line. */
import { isMap, isScalar, isSeq, LineCounter, parseAllDocuments, type Node } from 'yaml';
import { errorMessage } from '../../k8s/errors.ts';
import type { Path } from './schema.ts';

/** Maximum number of reported faults. Text that is not YAML, such as a binary file, has many faults. */
const mostFaults = 5;
const longestFault = 200;

/**
 * Returns the line of a field, counted from 1; for a field that the text does not contain, the line of the nearest
 * enclosing field.
 */
export type LineOf = (path: Path) => number;

export type ParsedText =
  | {
      readonly kind: 'parsed';
      readonly documents: readonly unknown[];
      /** For each document, a function that returns the line of a field. */
      readonly lines: readonly LineOf[];
    }
  | { readonly kind: 'faulty'; readonly problems: readonly string[] };

/** Parses all documents except those that are empty or contain only comments. */
export function parseText(text: string): ParsedText {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, merge: true });
  if (!Array.isArray(documents)) return { kind: 'parsed', documents: [], lines: [] };
  const problems = documents.flatMap((document) =>
    document.errors.map((error) => {
      const { line, col } = lines.linePos(error.pos[0]);
      return `line ${line}, column ${col}: ${shortened(error.message.replace(/\.$/, ''))}`;
    }),
  );
  if (problems.length > 0) return { kind: 'faulty', problems: theFirst([...new Set(problems)]) };
  try {
    const read = documents.flatMap(({ contents }, index) => {
      const value: unknown = contents && documents[index]?.toJS({ maxAliasCount: 100 });
      const lineOf: LineOf = (path) => lines.linePos(contents ? offsetOf(contents, path) : 0).line;
      return value === null ? [] : [{ value, lineOf }];
    });
    return {
      kind: 'parsed',
      documents: read.map(({ value }) => value),
      lines: read.map(({ lineOf }) => lineOf),
    };
  } catch (error) {
    return { kind: 'faulty', problems: [errorMessage(error)] };
  }
}

/** Finds the position of a field's key or of a list entry. The search ends at an alias or a merged key. */
function offsetOf(contents: Node, path: Path): number {
  let node: unknown = contents;
  let offset = contents.range?.[0] ?? 0;
  for (const part of path) {
    let found: unknown;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
      found = pair?.key;
      node = pair?.value;
    } else if (isSeq(node) && typeof part === 'number') {
      node = node.items[part];
      found = node;
    }
    const at = (found as Node | undefined)?.range?.[0];
    if (at === undefined) break;
    offset = at;
  }
  return offset;
}

/** Shortens the message of a syntax error, because the message may quote the manifest. */
function shortened(text: string): string {
  return text.length > longestFault ? `${text.slice(0, longestFault)}…` : text;
}

function theFirst(problems: readonly string[]): readonly string[] {
  const more = problems.length - mostFaults;
  return more > 0 ? [...problems.slice(0, mostFaults), `and ${more} more`] : problems;
}
