import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { download, type DownloadOutcome } from './download.ts';

const content = Buffer.alloc(300_000, 'konstellation');
const sha256 = createHash('sha256').update(content).digest('hex');

let folder: string;
let server: Server | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kon-download-'));
});
afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  await rm(folder, { recursive: true });
});

async function serve(listener: RequestListener): Promise<string> {
  const listening = createServer(listener);
  server = listening;
  await new Promise<void>((resolve) => {
    listening.listen(0, '127.0.0.1', resolve);
  });
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}/kwok`;
}

function get(
  url: string,
  more: { sha256?: string; signal?: AbortSignal; stallMs?: number } = {},
): Promise<DownloadOutcome> {
  return download({
    release: { url, digest: more.sha256 ?? sha256 },
    file: join(folder, 'kwok'),
    env: {},
    onProgress: () => undefined,
    signal: more.signal,
    ...(more.stallMs === undefined ? {} : { stallMs: more.stallMs }),
  });
}

test('a download of a file with the right checksum succeeds and reports progress', async () => {
  const url = await serve((_request, response) => {
    response.setHeader('content-length', content.length);
    response.end(content);
  });
  const reported: (readonly [number, number | undefined])[] = [];
  const outcome = await download({
    release: { url, digest: sha256 },
    file: join(folder, 'kwok'),
    env: {},
    onProgress: (received, total) => reported.push([received, total]),
  });
  expect(outcome).toEqual({ outcome: 'done' });
  // `equals` is used because `toEqual` compares buffers byte by byte, which takes seconds.
  expect(content.equals(await readFile(join(folder, 'kwok')))).toBe(true);
  expect(reported.at(-1)).toEqual([content.length, content.length]);
});

test('a download follows a redirect', async () => {
  const url = await serve((request, response) => {
    if (request.url === '/kwok') response.writeHead(302, { location: '/elsewhere' }).end();
    else response.end(content);
  });
  expect(await get(url)).toEqual({ outcome: 'done' });
});

test('a download of a file with a different checksum fails', async () => {
  const url = await serve((_request, response) => response.end('something else'));
  expect(await get(url)).toEqual({
    outcome: 'failed',
    reason: expect.stringMatching(
      /^the file has the SHA-256 digest [0-9a-f]{64}, but [0-9a-f]{64} was expected$/,
    ) as string,
  });
});

test('a download fails if the response body is truncated', async () => {
  const url = await serve((_request, response) => {
    response.setHeader('content-length', content.length);
    response.write(content.subarray(0, 1000), () => response.destroy());
  });
  expect(await get(url)).toMatchObject({ outcome: 'failed' });
});

test('a download fails if it receives no data for too long', async () => {
  const url = await serve((_request, response) => {
    response.setHeader('content-length', content.length);
    response.write(content.subarray(0, 1000));
  });
  expect(await get(url, { stallMs: 300 })).toMatchObject({
    outcome: 'failed',
    reason: expect.stringMatching(/timeout/i) as string,
  });
});

test('a download reports the status of a server that does not have the file', async () => {
  const url = await serve((_request, response) => response.writeHead(404).end());
  expect(await get(url)).toEqual({ outcome: 'failed', reason: 'the server responded with 404 Not Found' });
});

test('a download reports an unreachable server', async () => {
  const url = await serve(() => undefined);
  await new Promise((resolve) => {
    server?.close(resolve);
  });
  expect(await get(url)).toMatchObject({
    outcome: 'failed',
    reason: expect.stringContaining('ECONNREFUSED') as string,
  });
});

test('the promise of an aborted download rejects, instead of resolving to a failure', async () => {
  const abort = new AbortController();
  const url = await serve((_request, response) => {
    response.write('x', () => abort.abort(new Error('told to stop')));
  });
  await expect(get(url, { signal: abort.signal })).rejects.toThrow('told to stop');
});
