/**
 * Exit status of a program, as a kubelet reports it. kwok reports only a text, which clients treat as
 * an internal error without an exit code. This module replaces that text on its way from kwok to the API server, in the
 * SPDY/3.1 frames of the error stream, which is the first stream. All other data is passed on unchanged.
 * https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/#TOC-2.2-Framing
 */
import { Transform } from 'node:stream';

const headerLength = 8;
/** SPDY id of the error stream, which the API server opens before the program's streams. */
const errorStream = 1;

/**
 * Corrects the exit status in the data after kwok's response to the upgrade. A connection without an upgrade is passed
 * on unchanged.
 */
export function exitStatuses(): Transform {
  let rest: Buffer = Buffer.alloc(0);
  let isSpdy: boolean | undefined;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      rest = Buffer.concat([rest, chunk]);
      if (isSpdy === undefined) {
        const end = rest.indexOf('\r\n\r\n');
        if (end < 0) return done();
        const head = rest.subarray(0, end + 4);
        isSpdy = /^HTTP\/1\.1 101 [\s\S]*\r\nupgrade: spdy\/3\.1\r\n/i.test(head.toString('latin1'));
        this.push(head);
        rest = rest.subarray(head.length);
      }
      for (const frame of isSpdy ? frames() : [takeAll()]) this.push(frame);
      done();
    },
    flush(done) {
      if (rest.length > 0) this.push(takeAll());
      done();
    },
  });

  function takeAll(): Buffer {
    const all = rest;
    rest = Buffer.alloc(0);
    return all;
  }

  function* frames(): Generator<Buffer> {
    while (rest.length >= headerLength) {
      const length = headerLength + rest.readUIntBE(5, 3);
      if (rest.length < length) return;
      const frame = rest.subarray(0, length);
      rest = rest.subarray(length);
      // The first bit marks a control frame; in a data frame, the remaining bits are the id of the stream.
      yield frame.readUInt32BE(0) === errorStream ? withExitCode(frame) : frame;
    }
  }
}

function withExitCode(frame: Buffer): Buffer {
  const status = exitStatusOf(frame.subarray(headerLength).toString());
  if (status === undefined) return frame;
  const header = Buffer.from(frame.subarray(0, headerLength));
  const data = Buffer.from(status);
  header.writeUIntBE(data.length, 5, 3);
  return Buffer.concat([header, data]);
}

/**
 * Returns the status that a kubelet would report for kwok's `text`; undefined if `text` does not describe an exit code.
 * Sources: kwok `pkg/utils/exec/exec.go`; k8s.io/cri-streaming `pkg/streaming/remotecommand/exec.go`.
 */
export function exitStatusOf(text: string): string | undefined {
  const message = messageOf(text);
  const code = message === undefined ? undefined : /: exit status (\d+)\s*$/.exec(message)?.[1];
  if (code === undefined) return undefined;
  return JSON.stringify({
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${code}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: code }] },
  });
}

function messageOf(text: string): string | undefined {
  try {
    const status = JSON.parse(text) as { readonly reason?: string; readonly message?: string } | null;
    return status?.reason === 'InternalError' ? status.message : undefined;
  } catch {
    return undefined;
  }
}
