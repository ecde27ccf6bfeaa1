/**
 * Parser for the subset of YAML that tools write into kubeconfigs: block maps and lists of one-line scalars. It exists
 * because the full YAML library takes longer to load than a short command takes to run. The library parses every text
 * that may be outside the subset, so this parser never interprets a text differently.
 */

/** @throws YAMLParseError of the library */
export async function parseYaml(text: string): Promise<unknown> {
  const plain = parseSimpleYaml(text);
  return plain === undefined ? (await import('./yaml.ts')).parse(text) : plain.value;
}

type Line = { readonly indent: number; readonly text: string };
type Value = string | boolean | null | readonly Value[] | { readonly [key: string]: Value };

class NotSimple extends Error {}

/** Parses a text in the supported subset of YAML. @returns undefined if the text may be outside the subset */
export function parseSimpleYaml(text: string): { readonly value: Value } | undefined {
  const lines = text
    .split('\n')
    .filter((line) => line !== '' && !/^ *#/.test(line))
    .map((line): Line => {
      const indent = line.search(/[^ ]/);
      return { indent, text: line.slice(indent) };
    });
  if (lines[0]?.indent === 0 && lines[0].text === '---') lines.shift();
  try {
    const reader = { lines, at: 0 };
    if (lines[0]?.indent !== 0) return undefined;
    const value = readBlock(reader, 0);
    return reader.at === lines.length ? { value } : undefined;
  } catch (error) {
    if (error instanceof NotSimple) return undefined;
    throw error;
  }
}

type Reader = { readonly lines: Line[]; at: number };

const isItem = (line: Line | undefined): boolean => line?.text.startsWith('- ') === true;

function readBlock(reader: Reader, indent: number): Value {
  return isItem(reader.lines[reader.at]) ? readList(reader, indent) : readMap(reader, indent);
}

function readList(reader: Reader, indent: number): readonly Value[] {
  const items: Value[] = [];
  for (;;) {
    const line = reader.lines[reader.at];
    if (line?.indent !== indent || !isItem(line)) break;
    const text = line.text.slice(2);
    if (entryPattern.test(text)) {
      // The list item is a map whose first entry is on the line of the dash.
      reader.lines[reader.at] = { indent: indent + 2, text };
      items.push(readMap(reader, indent + 2));
    } else {
      reader.at += 1;
      items.push(scalar(text));
    }
  }
  return items;
}

const entryPattern = /^([A-Za-z][\w./-]*):(?: (.+))?$/;

function readMap(reader: Reader, indent: number): { readonly [key: string]: Value } {
  const entries = new Map<string, Value>();
  for (;;) {
    const line = reader.lines[reader.at];
    if (line?.indent !== indent || isItem(line)) break;
    const [, key = '', text] = entryPattern.exec(line.text) ?? [];
    if (key === '' || key === '__proto__' || entries.has(key)) throw new NotSimple();
    reader.at += 1;
    entries.set(key, text === undefined ? readNested(reader, indent) : scalar(text));
  }
  if (entries.size === 0) throw new NotSimple();
  return Object.fromEntries(entries);
}

/** Reads the value below a key. List items may have the same indentation as their key. */
function readNested(reader: Reader, indent: number): Value {
  const next = reader.lines[reader.at];
  if (next === undefined || next.indent < indent || (next.indent === indent && !isItem(next))) return null;
  return readBlock(reader, next.indent);
}

const constants: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['true', true],
  ['false', false],
  ['null', null],
  ['{}', {}],
  ['[]', []],
]);
/** Text without YAML's indicator characters, and without leading, trailing or repeated blanks. */
const plainPattern = /^-{0,2}[A-Za-z0-9/._+=][^\s#"'{}[\],&*!|>%`?\\]*(?: [^\s#"'{}[\],&*!|>%`?\\]+)*$/;
/** Text that YAML may interpret as a number, a date or a constant. */
const typedPattern = /^(?:[-+.]*[\d.][\d\w.:+-]*|[-+]?\.(?:inf|nan)|~|null|true|false|yes|no|on|off|y|n)$/i;

function scalar(text: string): Value {
  const constant = constants.get(text);
  if (constant !== undefined) return constant;
  const quoted = /^"([^"\\]*)"$/.exec(text) ?? /^'([^']*)'$/.exec(text);
  if (quoted) return quoted[1] ?? '';
  if (!plainPattern.test(text) || typedPattern.test(text) || /:(?: |$)/.test(text)) throw new NotSimple();
  return text;
}
