/** Adds coloured prefixes to the log lines of several pods, and removes control characters. Pure. */
import { stripVTControlCharacters } from 'node:util';

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
