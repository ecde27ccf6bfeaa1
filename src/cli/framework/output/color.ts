import { stripVTControlCharacters } from 'node:util';

/** Text styles. Colour never carries meaning by itself: the text says the same. */
const styles = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const satisfies Readonly<Record<string, readonly [on: number, off: number]>>;

export type Style = keyof typeof styles;

export function paint(style: Style, text: string, color: boolean): string {
  if (!color) return text;
  const [on, off] = styles[style];
  return `\u001B[${on}m${text}\u001B[${off}m`;
}

/** Removes control sequences, so that text from a cluster cannot control the terminal. */
export function printable(text: string): string {
  return stripVTControlCharacters(text);
}
