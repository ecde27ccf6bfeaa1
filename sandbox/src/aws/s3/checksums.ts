/**
 * Checksums that S3 clients send, by default with every upload: in a header, or in a trailer of a chunked body.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Checksum algorithms, keyed by NAME in `x-amz-checksum-NAME`. */
const algorithms: Readonly<Record<string, (body: Uint8Array) => Buffer>> = {
  crc32: (body) => uint32(crc32(body)),
  crc32c: (body) => uint32(crc32c(body)),
  crc64nvme,
  sha1: (body) => createHash('sha1').update(body).digest(),
  sha256: (body) => createHash('sha256').update(body).digest(),
};

export type StatedChecksum = { readonly algorithm: string; readonly value: string };

/** Finds the checksum among headers or trailers; undefined if none contains a checksum. */
export function statedChecksum(...sources: Readonly<Record<string, string>>[]): StatedChecksum | undefined {
  for (const source of sources) {
    for (const algorithm of Object.keys(algorithms)) {
      const value = source[`x-amz-checksum-${algorithm}`];
      if (value !== undefined) return { algorithm, value };
    }
  }
  return undefined;
}

/** Returns the checksum in Base64; undefined if the algorithm is unknown. */
export function computeChecksum(algorithm: string, body: Uint8Array): string | undefined {
  return algorithms[algorithm]?.(body).toString('base64');
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

const castagnoli = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value >>> 0;
});

function crc32c(body: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of body) value = (value >>> 8) ^ (castagnoli[(value ^ byte) & 0xff] ?? 0);
  return (value ^ 0xffffffff) >>> 0;
}

/** Reflected polynomial of CRC-64/NVME. Its table is stored in two halves, because numbers are faster than BigInt. */
const nvmePolynomial = 0x9a6c9329ac4bc9b5n;
const nvmeTable = Array.from({ length: 256 }, (_, index) => {
  let value = BigInt(index);
  for (let bit = 0; bit < 8; bit += 1) value = value & 1n ? (value >> 1n) ^ nvmePolynomial : value >> 1n;
  return value;
});
const nvmeHigh = Uint32Array.from(nvmeTable, (value) => Number(value >> 32n));
const nvmeLow = Uint32Array.from(nvmeTable, (value) => Number(value & 0xffffffffn));

function crc64nvme(body: Uint8Array): Buffer {
  let high = 0xffffffff;
  let low = 0xffffffff;
  for (const byte of body) {
    const index = (low ^ byte) & 0xff;
    low = ((low >>> 8) | (high << 24)) ^ (nvmeLow[index] ?? 0);
    high = (high >>> 8) ^ (nvmeHigh[index] ?? 0);
  }
  return Buffer.concat([uint32(~high), uint32(~low)]);
}
