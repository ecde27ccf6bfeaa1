/**
 * Client of the etcd behind a test's API server. It uses etcd's own gRPC protocol, and implements only three calls, whose
 * messages have few fields. (The HTTP gateway does not work with client certificates, and the downloaded programs do not include
 * etcdctl.)
 * https://etcd.io/docs/v3.6/learning/api/
 */
import { readFile } from 'node:fs/promises';
import { connect, type ClientHttp2Session } from 'node:http2';
import { join } from 'node:path';

export type Etcd = {
  /** Compacts the history up to now. The API server can serve this history from its cache until it is restarted. */
  compact(): Promise<void>;
  /**
   * Writes the value of a key. The API server can read objects stored as JSON, and its watches report the written
   * object.
   */
  put(key: string, value: string): Promise<void>;
  close(): Promise<void>;
};

/** @param folder folder with the control plane's certificates */
export async function connectEtcd(folder: string, port: number): Promise<Etcd> {
  const [ca, cert, key] = await Promise.all(
    ['ca.crt', 'etcd-client.crt', 'etcd-client.key'].map((name) => readFile(join(folder, name), 'utf8')),
  );
  const session = connect(`https://127.0.0.1:${port}`, { ca, cert, key });
  // The error is ignored here, because the current call and later calls report errors of the session.
  session.on('error', () => undefined);
  return {
    async compact() {
      const answer = await call(session, 'Range', [bytes(1, '/')]);
      // RangeResponse.header.revision
      const header = fieldOf(answer, 1);
      const revision = typeof header === 'object' ? fieldOf(header, 3) : undefined;
      if (typeof revision !== 'bigint') throw new Error('etcd told no revision');
      await call(session, 'Compact', [number(1, revision), number(2, 1n)]);
    },
    async put(name, value) {
      await call(session, 'Put', [bytes(1, name), bytes(2, value)]);
    },
    close: () => new Promise((resolve) => session.close(() => resolve())),
  };
}

async function call(session: ClientHttp2Session, method: string, fields: readonly Buffer[]): Promise<Buffer> {
  const message = Buffer.concat(fields);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  const stream = session.request({
    ':method': 'POST',
    ':path': `/etcdserverpb.KV/${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  let status: unknown;
  let reported: unknown;
  const hear = (headers: Record<string, unknown>): void => {
    status ??= headers['grpc-status'];
    reported ??= headers['grpc-message'];
  };
  // If a call fails immediately, its trailers are in the headers.
  stream.on('response', hear);
  stream.on('trailers', hear);
  stream.end(Buffer.concat([prefix, message]));
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  if (status !== '0') throw new Error(`etcd answered ${String(status)} to ${method}: ${String(reported)}`);
  return Buffer.concat(chunks).subarray(5);
}

/** https://protobuf.dev/programming-guides/encoding/ */
function varint(value: bigint): Buffer {
  const digits: number[] = [];
  let rest = value;
  while (rest >= 128n) {
    digits.push(Number(rest % 128n) + 128);
    rest /= 128n;
  }
  digits.push(Number(rest));
  return Buffer.from(digits);
}

const number = (field: number, value: bigint): Buffer =>
  Buffer.concat([varint(BigInt(field * 8)), varint(value)]);

function bytes(field: number, value: string | Buffer): Buffer {
  const content = Buffer.from(value as string);
  return Buffer.concat([varint(BigInt(field * 8 + 2)), varint(BigInt(content.length)), content]);
}

/** Returns the first field with this number: a varint, or bytes. */
function fieldOf(message: Buffer, wanted: number): bigint | Buffer | undefined {
  let at = 0;
  const read = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++] ?? 0;
      value += BigInt(byte % 128) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = Number(read());
    const isBytes = tag % 8 === 2;
    const value = read();
    if (isBytes) {
      const content = message.subarray(at, at + Number(value));
      at += Number(value);
      if (Math.floor(tag / 8) === wanted) return content;
    } else if (Math.floor(tag / 8) === wanted) return value;
  }
  return undefined;
}
