/**
 * The subset of ASN.1's Distinguished Encoding Rules (ITU-T X.690) that X.509 certificates need. Node signs and reads
 * certificates but cannot create them, and the libraries that can create certificates depend on a dependency injection
 * framework.
 */

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

export const sequence = (...items: readonly Uint8Array[]): Uint8Array => encode(tags.sequence, ...items);
export const set = (...items: readonly Uint8Array[]): Uint8Array => encode(tags.set, ...items);
export const octetString = (content: Uint8Array): Uint8Array => encode(tags.octetString, content);
export const utf8String = (text: string): Uint8Array => encode(tags.utf8String, Buffer.from(text, 'utf8'));
export const boolean = (value: boolean): Uint8Array => encode(tags.boolean, Uint8Array.of(value ? 0xff : 0));

/** Encodes `content` as a bit string. `unusedBits` is the number of unused bits at the end of `content`. */
export const bitString = (content: Uint8Array, unusedBits = 0): Uint8Array =>
  encode(tags.bitString, Uint8Array.of(unusedBits), content);

/** Encodes `items` with the explicit tag `[number]`. */
export const explicit = (number: number, ...items: readonly Uint8Array[]): Uint8Array =>
  encode(0xa0 | number, ...items);

/** Encodes primitive `content` with the implicit tag `[number]`. */
export const implicit = (number: number, content: Uint8Array): Uint8Array => encode(0x80 | number, content);

/** Encodes a non-negative integer from its big-endian bytes. */
export function integer(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const trimmed = bytes.subarray(start);
  const negative = (trimmed[0] ?? 0) >= 0x80;
  return negative ? encode(tags.integer, Uint8Array.of(0), trimmed) : encode(tags.integer, trimmed);
}

/** Encodes an object identifier in dotted form, for example `1.2.840.10045.4.3.2`. */
export function objectIdentifier(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return encode(tags.objectIdentifier, Uint8Array.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** Encodes years through 2049 as UTCTime and later ones as GeneralizedTime (RFC 5280 §4.1.2.5). */
export function time(date: Date): Uint8Array {
  const digits = date.toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  return date.getUTCFullYear() < 2050
    ? encode(tags.utcTime, Buffer.from(digits.slice(2), 'ascii'))
    : encode(tags.generalizedTime, Buffer.from(digits, 'ascii'));
}

function base128(value: number): number[] {
  const bytes = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes.unshift((rest & 0x7f) | 0x80);
  return bytes;
}

function encode(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(contents);
  return Buffer.concat([Uint8Array.from([tag, ...lengthBytes(content.length)]), content]);
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 | bytes.length, ...bytes];
}
