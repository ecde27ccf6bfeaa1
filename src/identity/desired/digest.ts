/** Short, stable digests for names and keys. */
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';

/**
 * Base32 alphabet in lower case (RFC 4648 letters). The alphabet has only one case, so digests remain unique where case
 * is ignored.
 */
const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

/**
 * Cache of recent digests. Plans repeatedly need the digests of the same names and proofs, and SHA-256 in JavaScript is slow. The
 * cache has room for several hundred digests, so that accounts that are reconciled in turn do not evict each other's digests.
 */
const recentDigests = new Map<string, string>();
const maxRecent = 512;

/**
 * First `length` characters, 5 bits each, of the SHA-256 hash over the parts. The parts are hashed as a JSON list, so that `['a',
 * 'b']` and `['ab']` have different digests.
 */
export function digest(parts: readonly string[], length: number): string {
  const text = JSON.stringify(parts);
  const key = `${length} ${text}`;
  const known = recentDigests.get(key);
  if (known !== undefined) return known;
  const calculated = digestOf(text, length);
  if (recentDigests.size >= maxRecent) recentDigests.clear();
  recentDigests.set(key, calculated);
  return calculated;
}

/** Number from 0 (inclusive) to 1 (exclusive) that depends only on the parts. It is used to spread events over time. */
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
