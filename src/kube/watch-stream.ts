/** From the bytes of a watch to its events. A watch is one JSON document per line. */
import { KubeApiError, type KubeStatus } from './errors.ts';
import type { WatchEvent } from './kube-client.ts';
import type { KubeObject } from './object.ts';

/** Marks the bookmark that ends the initial events of a streaming list. */
const initialEventsEnd = 'k8s.io/initial-events-end';

/** The stream is broken or no watch: what to do is to open it again. */
export class WatchFormatError extends Error {
  override readonly name = 'WatchFormatError';
}

/** @throws WatchFormatError when the stream ends within a line. */
export async function* linesOf(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const piece = chunk.subarray(start, end);
      const line =
        parts.length === 0 ? piece.toString('utf8') : Buffer.concat([...parts, piece]).toString('utf8');
      parts = [];
      start = end + 1;
      if (line !== '' && line !== '\r') yield line;
    }
    if (start < chunk.length) parts.push(chunk.subarray(start));
  }
  if (parts.length > 0) throw new WatchFormatError('the watch ended in the middle of an event');
}

/** @throws WatchFormatError for anything that is no watch event. */
export function parseWatchEvent<T extends KubeObject>(line: string): WatchEvent<T> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (error) {
    throw new WatchFormatError('an event of the watch is not JSON', { cause: error });
  }
  const { type, object } = (parsed ?? {}) as { type?: unknown; object?: unknown };
  if (typeof object !== 'object' || object === null)
    throw new WatchFormatError('an event of the watch carries no object');
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED': {
      const { metadata } = object as Partial<KubeObject>;
      if (typeof metadata?.name !== 'string' || typeof metadata.resourceVersion !== 'string')
        throw new WatchFormatError('an event of the watch carries an object without name or version');
      return { type, object: object as T };
    }
    case 'BOOKMARK': {
      const { metadata } = object as Partial<KubeObject>;
      if (typeof metadata?.resourceVersion !== 'string')
        throw new WatchFormatError('a bookmark of the watch carries no version');
      return {
        type,
        resourceVersion: metadata.resourceVersion,
        initialEventsEnd: metadata.annotations?.[initialEventsEnd] === 'true',
      };
    }
    case 'ERROR': {
      const status = object as KubeStatus;
      return { type, error: new KubeApiError({ ...status, code: status.code ?? 500 }) };
    }
    default:
      throw new WatchFormatError(`an event of the watch has the unknown type "${String(type)}"`);
  }
}
