/** Downloads a release file and checks that its digest equals the pinned digest. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EnvHttpProxyAgent, fetch } from 'undici';
import type { OuterEnvironment } from '../environment.ts';
import type { Release } from './releases.ts';

export type DownloadOutcome =
  | { readonly outcome: 'done' }
  | { readonly outcome: 'failed'; readonly reason: string };

export type DownloadOptions = {
  readonly release: Pick<Release, 'url' | 'digest'>;
  /** Path of the downloaded file. Its content is valid only if the outcome is `done`. */
  readonly file: string;
  /** Environment with the proxy settings. */
  readonly env: OuterEnvironment;
  readonly onProgress: (receivedBytes: number, totalBytes: number | undefined) => void;
  readonly signal?: AbortSignal | undefined;
  /** Maximum time without received data before the download fails, in milliseconds. */
  readonly stallMs?: number;
};

const connectMs = 10_000;

/** Rejects only with the abort reason. Network and checksum failures are returned as outcomes. */
export async function download(options: DownloadOptions): Promise<DownloadOutcome> {
  const { release, file, env, onProgress, signal } = options;
  const stallMs = options.stallMs ?? 30_000;
  const proxy = (name: string): string | undefined => env[name] ?? env[name.toUpperCase()];
  const dispatcher = new EnvHttpProxyAgent({
    httpProxy: proxy('http_proxy') ?? '',
    httpsProxy: proxy('https_proxy') ?? '',
    noProxy: proxy('no_proxy') ?? '',
    connect: { timeout: connectMs },
    headersTimeout: stallMs,
    bodyTimeout: stallMs,
  });
  try {
    const response = await fetch(release.url, { dispatcher, ...(signal ? { signal } : {}) });
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      return {
        outcome: 'failed',
        reason: `the server responded with ${response.status} ${response.statusText}`.trim(),
      };
    }
    const length = response.headers.get('content-length');
    const total = length === null ? undefined : Number(length);
    const algorithm = release.digest.length === 128 ? 'sha512' : 'sha256';
    const hash = createHash(algorithm);
    let received = 0;
    const tap = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        received += chunk.length;
        onProgress(received, total);
        done(null, chunk);
      },
    });
    await pipeline(
      Readable.fromWeb(response.body),
      tap,
      createWriteStream(file, { mode: 0o700 }),
      ...(signal ? [{ signal }] : []),
    );
    const actual = hash.digest('hex');
    if (actual === release.digest) return { outcome: 'done' };
    const name = algorithm === 'sha512' ? 'SHA-512' : 'SHA-256';
    return {
      outcome: 'failed',
      reason: `the file has the ${name} digest ${actual}, but ${release.digest} was expected`,
    };
  } catch (error) {
    signal?.throwIfAborted();
    return { outcome: 'failed', reason: describe(error) };
  } finally {
    await dispatcher.destroy();
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  return `${error.message}${cause}`;
}
