/** Prefixes and colours of log lines of several pods, with control characters removed. Pure. */
import { stripVTControlCharacters } from 'node:util';

const escape = '\u001B';

/** Those of the 16 standard colours that are readable on black and on white. */
const colors = [36, 33, 32, 35, 34, 31] as const;

/** The same pod has the same colour for as long as the command runs; neighbours differ. */
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

/** Colours and their like: `ESC [ numbers m`. */
const styling = new RegExp(String.raw`${escape}\[[0-9;:]*m`, 'g');

/** For a terminal: everything that would move it, rename it or ask it is dropped; colours stay where they are wanted. */
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

/** Tabs stay. A carriage return would let a line be written over. */
function withoutControls(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/(?!\t)\p{Cc}/gu, '');
}
