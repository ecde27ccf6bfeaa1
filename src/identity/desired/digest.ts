/** Short, stable digests for names and keys. */
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';

/** Base 32 in lower case (RFC 4648 letters), so that a digest survives where case does not count. */
const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

/**
 * Plans ask for the digests of a few names and proofs again and again; SHA-256 in JavaScript is slow. Room for those of some
 * hundred accounts, so that those which are worked on by turns do not put each other out.
 */
const lately = new Map<string, string>();
const mostLately = 512;

/** The first `length` characters, 5 bits each, of the SHA-256 over the parts. No two lists of parts are joined alike. */
export function digest(parts: readonly string[], length: number): string {
  const text = JSON.stringify(parts);
  const key = `${length} ${text}`;
  const known = lately.get(key);
  if (known !== undefined) return known;
  const calculated = digestOf(text, length);
  if (lately.size >= mostLately) lately.clear();
  lately.set(key, calculated);
  return calculated;
}

/** A number from 0 up to 1 that is always the same for the same parts: what spreads things over time without chance. */
export function fractionOf(parts: readonly string[]): number {
  const letters = Array.from(digest(parts, 4), (letter) => alphabet.indexOf(letter));
  return letters.reduce((sum, value) => sum * 32 + value, 0) / 32 ** letters.length;
}

function digestOf(text: string, length: number): string {
  const bytes = sha256(utf8ToBytes(text));
  let result = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5 && result.length < length) {
      bits -= 5;
      result += alphabet.charAt((value >> bits) & 31);
    }
    value &= (1 << bits) - 1;
  }
  return result;
}
