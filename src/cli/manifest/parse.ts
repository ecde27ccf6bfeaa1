/** Parses YAML or JSON text into plain values, and reports every fault with its line. */
import { LineCounter, parseAllDocuments } from 'yaml';
import { errorMessage } from '../../k8s/errors.ts';

/** Limit of reported faults, since text that is not YAML, such as a binary file, has many. */
const mostFaults = 5;
const longestFault = 200;

export type ParsedText =
  | { readonly kind: 'parsed'; readonly documents: readonly unknown[] }
  | { readonly kind: 'faulty'; readonly problems: readonly string[] };

/** Parses all documents except those that are empty or contain only comments. */
export function parseText(text: string): ParsedText {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, merge: true });
  if (!Array.isArray(documents)) return { kind: 'parsed', documents: [] };
  const problems = documents.flatMap((document) =>
    document.errors.map((error) => {
      const { line, col } = lines.linePos(error.pos[0]);
      return `line ${line}, column ${col}: ${shortened(error.message.replace(/\.$/, ''))}`;
    }),
  );
  if (problems.length > 0) return { kind: 'faulty', problems: theFirst([...new Set(problems)]) };
  try {
    const values = documents
      .filter((document) => document.contents !== null)
      .map((document): unknown => document.toJS({ maxAliasCount: 100 }))
      .filter((value) => value !== null);
    return { kind: 'parsed', documents: values };
  } catch (error) {
    return { kind: 'faulty', problems: [errorMessage(error)] };
  }
}

/** Shortens a message, because a fault may quote the text. */
function shortened(text: string): string {
  return text.length > longestFault ? `${text.slice(0, longestFault)}…` : text;
}

function theFirst(problems: readonly string[]): readonly string[] {
  const more = problems.length - mostFaults;
  return more > 0 ? [...problems.slice(0, mostFaults), `and ${more} more`] : problems;
}
