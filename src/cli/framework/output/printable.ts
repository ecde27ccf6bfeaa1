import { stripVTControlCharacters } from 'node:util';

/** Removes control sequences, so that text from a cluster cannot control the terminal. */
export function printable(text: string): string {
  return stripVTControlCharacters(text);
}
