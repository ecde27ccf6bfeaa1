/** Splits the bytes of a log into lines with their timestamps, and styles the lines for a terminal. Pure. */
import { stripVTControlCharacters } from 'node:util';

export type LogLine = {
  /** RFC 3339 with nanoseconds, UTC. Undefined if the line does not begin with a timestamp. */
  readonly time: string | undefined;
  /** Includes the line break, if any. */
  readonly text: Buffer;
};

/** Maximum length of a line in bytes. Longer lines are printed in pieces, so that memory use stays bounded. */
const longestLine = 1024 * 1024;

/**
 * Yields the complete lines of each chunk, with their line breaks, as one batch for a single write. At the end of the
 * stream, also yields the text after the last line break.
 */
export async function* lineBatches(chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly Buffer[]> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    const lines: Buffer[] = [];
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      lines.push(Buffer.concat([...parts, chunk.subarray(start, end + 1)]));
      parts = [];
      length = 0;
      start = end + 1;
    }
    if (start < chunk.length) {
      parts.push(chunk.subarray(start));
      length += chunk.length - start;
    }
    if (length >= longestLine) {
      lines.push(Buffer.concat(parts));
      parts = [];
      length = 0;
    }
    if (lines.length > 0) yield lines;
  }
  if (parts.length > 0) yield [Buffer.concat(parts)];
}

const timestamp =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})$/;
/** Maximum length of a timestamp with nanoseconds and time zone. */
const longestTimestamp = 40;

/** Splits the timestamp off a line of a log that was requested with timestamps. */
export function parseLogLine(line: Buffer): LogLine {
  const space = line.subarray(0, longestTimestamp).indexOf(32);
  const head = space < 0 ? '' : line.toString('latin1', 0, space);
  return timestamp.test(head)
    ? { time: head, text: line.subarray(space + 1) }
    : { time: undefined, text: line };
}

/**
 * Whether the log timestamp `time` is later than `than`. Compares milliseconds first, because time zones may differ, and then
 * nanoseconds.
 */
export function isLater(time: string, than: string): boolean {
  const [one, other] = [Date.parse(time), Date.parse(than)];
  return one === other ? nanoseconds(time) > nanoseconds(than) : one > other;
}

function nanoseconds(time: string): number {
  const fraction = /\.([0-9]+)/.exec(time)?.[1] ?? '';
  return Number(fraction.padEnd(9, '0'));
}

const escape = '\u001B';

/** Standard terminal colours that are readable on black and on white. */
const colors = [36, 33, 32, 35, 34, 31] as const;

/** Assigns each pod a colour that stays the same while the command runs. Pods that appear in succession get different colours. */
export function createPrefixes(color: boolean): (target: string, pod: string) => string {
  const given = new Map<string, number>();
  return (target, pod) => {
    const name = `${target}/${pod}`;
    if (!color) return `${name} | `;
    const index = given.get(name) ?? given.size;
    given.set(name, index);
    return `${escape}[${colors[index % colors.length]}m${name} |${escape}[39m `;
  };
}

/** Escape sequences for colours and text styles: `ESC [ numbers m`. */
const styling = new RegExp(String.raw`${escape}\[[0-9;:]*m`, 'g');

/** Removes control sequences that would move the cursor, set the title or query the terminal. Keeps colours if `color` is set. */
export function safeForTerminal(text: string, color: boolean): string {
  if (!color) return withoutControls(text);
  let result = '';
  let end = 0;
  for (const match of text.matchAll(styling)) {
    result += withoutControls(text.slice(end, match.index)) + match[0];
    end = match.index + match[0].length;
  }
  return result + withoutControls(text.slice(end)) + (end > 0 ? `${escape}[0m` : '');
}

/** Removes control characters except tabs. A carriage return would allow text to overwrite the line. */
function withoutControls(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/(?!\t)\p{Cc}/gu, '');
}
