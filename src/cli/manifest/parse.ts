/** YAML or JSON text to plain values, with every fault told by line. */
import { LineCounter, parseAllDocuments } from 'yaml';

export type ParsedText =
  | { readonly kind: 'parsed'; readonly documents: readonly unknown[] }
  | { readonly kind: 'faulty'; readonly problems: readonly string[] };

/** Documents that hold nothing but comments are left out. */
export function parseText(text: string): ParsedText {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  if (!Array.isArray(documents)) return { kind: 'parsed', documents: [] };
  const problems = documents.flatMap((document) =>
    document.errors.map((error) => {
      const { line, col } = lines.linePos(error.pos[0]);
      return `line ${line}, column ${col}: ${error.message.replace(/\.$/, '')}`;
    }),
  );
  if (problems.length > 0) return { kind: 'faulty', problems };
  try {
    const values = documents
      .filter((document) => document.contents !== null)
      .map((document): unknown => document.toJS({ maxAliasCount: 100 }))
      .filter((value) => value !== null);
    return { kind: 'parsed', documents: values };
  } catch (error) {
    return { kind: 'faulty', problems: [error instanceof Error ? error.message : String(error)] };
  }
}
