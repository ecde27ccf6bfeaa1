import { stripVTControlCharacters } from 'node:util';

/** Text from a cluster must not drive the terminal. */
export function printable(text: string): string {
  return stripVTControlCharacters(text);
}
