/** Decodes the bytes of a watch to events. Each line is one JSON document. */
import { KubeApiError, type KubeStatus } from './errors.ts';
import type { WatchEvent } from './kube-client.ts';
import type { KubeObject } from './object.ts';

/** Annotation of the bookmark that ends the initial events of a streaming list. */
const initialEventsEnd = 'k8s.io/initial-events-end';

const managedFieldsName = Buffer.from('"managedFields":[');
const newline = 0x0a;
const quote = 0x22;
const comma = 0x2c;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;

/** The stream is truncated or is not a watch. The caller has to open the watch again. */
export class WatchFormatError extends Error {
  override readonly name = 'WatchFormatError';
}

type Decode = (line: Buffer) => string;

export const wholeText: Decode = (line) => line.toString('utf8');

/**
 * Yields the complete lines of each chunk as one array, because a generator step per line would be more expensive than
 * finding the line.
 *
 * @throws WatchFormatError if the stream ends within a line
 */
export async function* linesOf(
  body: AsyncIterable<Buffer>,
  decode: Decode = wholeText,
): AsyncGenerator<readonly string[]> {
  // Parts of a line that continues in the next chunk. The parts are not decoded yet, because a chunk may end within a
  // character.
  let parts: Buffer[] = [];
  for await (const chunk of body) {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      const piece = chunk.subarray(start, end);
      const line = decode(parts.length === 0 ? piece : Buffer.concat([...parts, piece]));
      parts = [];
      start = end + 1;
      if (line !== '' && line !== '\r') lines.push(line);
    }
    if (start < chunk.length) parts.push(chunk.subarray(start));
    if (lines.length > 0) yield lines;
  }
  if (parts.length > 0) throw new WatchFormatError('the watch ended in the middle of an event');
}

/**
 * Returns the text without the first `managedFields`, which make up a third of a typical pod. Skipping the managed
 * fields is faster than parsing them. The quoted name cannot occur within a string, because the quotes would be escaped
 * in a string.
 */
export const textWithoutManagedFields: Decode = (line) => {
  const name = line.indexOf(managedFieldsName);
  if (name < 0) return wholeText(line);
  let at = name + managedFieldsName.length;
  for (let depth = 1; depth > 0; at += 1) {
    // The line is not JSON. Return the whole line, so that the JSON parser reports the error.
    if (at >= line.length) return wholeText(line);
    const byte = line[at];
    if (byte === openBracket) depth += 1;
    else if (byte === closeBracket) depth -= 1;
    else if (byte === quote) at = endOfString(line, at + 1);
  }
  const isLast = line[at] !== comma;
  const before = isLast && line[name - 1] === comma ? name - 1 : name;
  return line.toString('utf8', 0, before) + line.toString('utf8', isLast ? at : at + 1);
};

/** Index of the quote that ends the string, or an index past the end of the line if there is none. */
function endOfString(line: Buffer, start: number): number {
  let at = start;
  while (at < line.length && line[at] !== quote) at += line[at] === backslash ? 2 : 1;
  return at;
}

/** Parses a line of a watch. @throws WatchFormatError if the text is not a watch event */
export function parseWatchEvent<T extends KubeObject>(line: string): WatchEvent<T> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (error) {
    throw new WatchFormatError('an event of the watch is not JSON', { cause: error });
  }
  const { type, object } = (parsed ?? {}) as { type?: unknown; object?: unknown };
  if (typeof object !== 'object' || object === null)
    throw new WatchFormatError('an event of the watch has no object');
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED': {
      const { metadata } = object as Partial<KubeObject>;
      if (typeof metadata?.name !== 'string' || typeof metadata.resourceVersion !== 'string')
        throw new WatchFormatError('an event of the watch has an object without name or version');
      return { type, object: object as T };
    }
    case 'BOOKMARK': {
      const { metadata } = object as Partial<KubeObject>;
      if (typeof metadata?.resourceVersion !== 'string')
        throw new WatchFormatError('a bookmark of the watch has no version');
      return {
        type,
        resourceVersion: metadata.resourceVersion,
        initialEventsEnd: metadata.annotations?.[initialEventsEnd] === 'true',
      };
    }
    case 'ERROR': {
      const status = object as KubeStatus;
      return { type, error: new KubeApiError({ ...status, code: status.code ?? 500 }) };
    }
    default:
      throw new WatchFormatError(`an event of the watch has the unknown type "${String(type)}"`);
  }
}
