import { once } from 'node:events';
import { expect, test } from 'vitest';
import { exitStatuses, exitStatusOf } from './exit-status.ts';

const head = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n';
const reported = (message: string): string =>
  JSON.stringify({ status: 'Failure', message, reason: 'InternalError', code: 500 });
const failed = reported(
  'Internal error occurred: error executing command in container: cmd wait: sh -c x: exit status 7',
);

function frame(stream: number, data: string, flags = 0): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(stream, 0);
  header.writeUInt8(flags, 4);
  header.writeUIntBE(Buffer.byteLength(data), 5, 3);
  return Buffer.concat([header, Buffer.from(data)]);
}

/** Splits the bytes into pieces of this size, because a socket can deliver bytes in pieces. */
async function through(bytes: Buffer, size: number): Promise<Buffer> {
  const transform = exitStatuses();
  const out: Buffer[] = [];
  transform.on('data', (chunk: Buffer) => out.push(chunk));
  for (let at = 0; at < bytes.length; at += size) transform.write(bytes.subarray(at, at + size));
  transform.end();
  await once(transform, 'end');
  return Buffer.concat(out);
}

test.each([1, 7, 65_536])(
  'an exit code that arrives in pieces of %i bytes is reported as a kubelet reports it',
  async (size) => {
    const control = 0x8003_0002;
    const before = [frame(control, '\0\0\0\x01compressed'), frame(5, failed)];
    const bytes = Buffer.concat([
      Buffer.from(head),
      ...before,
      frame(1, failed, 1),
      frame(control, '\0\0\0\x03'),
    ]);
    const status = exitStatusOf(failed) ?? '';
    expect(await through(bytes, size)).toEqual(
      Buffer.concat([Buffer.from(head), ...before, frame(1, status, 1), frame(control, '\0\0\0\x03')]),
    );
    expect(JSON.parse(status)).toMatchObject({
      status: 'Failure',
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: '7' }] },
    });
  },
);

test('a connection without an upgrade to SPDY is passed on unchanged', async () => {
  const answer = Buffer.from(`HTTP/1.1 400 Bad Request\r\n\r\n\0\0\0\x01${failed}`);
  expect(await through(answer, 5)).toEqual(answer);
  const cut = Buffer.concat([Buffer.from(head), frame(1, failed).subarray(0, 20)]);
  expect(await through(cut, 9)).toEqual(cut);
});

test.each([
  ['success', JSON.stringify({ status: 'Success' })],
  ['another fault', reported('error executing command in container: fork/exec /bin/x: no such file')],
  ['a command that speaks of an exit', reported('cmd wait: echo : exit status 3 and more: signal: killed')],
  ['no JSON', 'null'],
  ['no text at all', ''],
])('%s is not recognized as an exit code', (_what, text) => {
  expect(exitStatusOf(text)).toBeUndefined();
});
