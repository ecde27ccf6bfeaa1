/** Generates identifiers and secrets in AWS's formats from an injected source of randomness. */

export type RandomBytes = (count: number) => Uint8Array;

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids */
type UniqueIdPrefix = 'AROA' | 'AIDA' | 'ANPA' | 'AIPA' | 'AKIA' | 'ASIA';

export type Identifiers = {
  /** Returns the prefix followed by 17 characters (16 for access keys), for example `AROA4XYZ…`. */
  readonly uniqueId: (prefix: UniqueIdPrefix) => string;
  readonly secretAccessKey: () => string;
  readonly sessionToken: () => string;
  readonly requestId: () => string;
  /** Returns an id for a Pod Identity association: `a-` and 17 lower-case letters and digits. */
  readonly associationId: () => string;
};

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

export function createIdentifiers(randomBytes: RandomBytes): Identifiers {
  const base64 = (count: number): string => Buffer.from(randomBytes(count)).toString('base64');
  return {
    uniqueId: (prefix) => {
      let id: string = prefix;
      for (const byte of randomBytes(prefix.endsWith('IA') ? 16 : 17)) id += base32[byte & 31];
      return id;
    },
    secretAccessKey: () => base64(30),
    sessionToken: () => `FwoGZXIvYXdzE${base64(240)}`,
    requestId: () => {
      const hex = Buffer.from(randomBytes(16)).toString('hex');
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
    },
    associationId: () =>
      `a-${Array.from(randomBytes(17), (byte) => base32.charAt(byte & 31).toLowerCase()).join('')}`,
  };
}
