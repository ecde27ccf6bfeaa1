/**
 * HTTP server for a collection of ConfigMaps with the list and watch protocol of an API server: resourceVersions,
 * pages, bookmarks, expiry and initial events. Tests can inject faults. For tests only; integration tests use a real
 * API server.
 */
import type { ServerResponse } from 'node:http';
import type { KubeObject } from '../object.ts';
import {
  answerJson,
  startLoopbackServer,
  statusBody,
  type Handler,
  type LoopbackServer,
  type SeenRequest,
} from './loopback-server.ts';

export type Item = KubeObject & { data: { value: string } };
type Logged = { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: Item; version: number };
export type Watcher = { response: ServerResponse; request: SeenRequest };

export type CollectionServer = {
  readonly http: LoopbackServer;
  put(name: string, value: string): void;
  remove(name: string): void;
  /** Drops the history up to the current resourceVersion. Watches from earlier resourceVersions get status 410. */
  compact(): void;
  bookmark(): void;
  names(): string[];
  values(): Record<string, string>;
  version(): number;
  /** Replaces the responses to the next list or watch requests. `undefined` stands for the normal response. */
  orderFaults(kind: 'list' | 'watch', ...faults: (Handler | undefined)[]): void;
  lists(): SeenRequest[];
  watches(): SeenRequest[];
  openWatches(): number;
  /** Applies `act` to every open watch. */
  toWatches(act: (watcher: Watcher) => void): void;
  /**
   * Drops all further events of the watches that are open now, as on a half-open connection. Returns these watches.
   */
  silence(): readonly Watcher[];
  setStreamingList(supported: boolean): void;
};

export async function startCollectionServer(): Promise<CollectionServer> {
  const objects = new Map<string, Item>();
  let log: Logged[] = [];
  let version = 100;
  let compacted = 0;
  let uids = 0;
  let streamingList = false;
  const watchers = new Set<Watcher>();
  const faults = { list: [] as (Handler | undefined)[], watch: [] as (Handler | undefined)[] };

  const line = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`;
  const record = (type: Logged['type'], object: Item): void => {
    log.push({ type, object, version });
    for (const { response } of watchers) if (!response.writableEnded) response.write(line(type, object));
  };

  const list: Handler = ({ query }, response) => {
    const limit = Number(query.get('limit') ?? Number.MAX_SAFE_INTEGER);
    const from = Number(query.get('continue') ?? 0);
    const all = [...objects.values()].sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));
    answerJson(response, 200, {
      kind: 'ConfigMapList',
      metadata: {
        resourceVersion: String(version),
        ...(from + limit < all.length ? { continue: String(from + limit) } : {}),
      },
      items: all.slice(from, from + limit),
    });
  };

  const watch: Handler = (request, response) => {
    const { query } = request;
    const initial = query.get('sendInitialEvents') === 'true';
    if (initial && !streamingList) {
      answerJson(response, 422, statusBody(422, 'Invalid', 'sendInitialEvents is forbidden'));
      return;
    }
    const from = Number(query.get('resourceVersion') ?? version);
    if (!initial && from < compacted) {
      answerJson(response, 410, statusBody(410, 'Expired', 'too old resource version'));
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (initial) {
      for (const object of objects.values()) response.write(line('ADDED', object));
      const annotations = { 'k8s.io/initial-events-end': 'true' };
      response.write(line('BOOKMARK', { metadata: { resourceVersion: String(version), annotations } }));
    } else {
      for (const entry of log) if (entry.version > from) response.write(line(entry.type, entry.object));
    }
    const watcher = { response, request };
    watchers.add(watcher);
    response.on('close', () => watchers.delete(watcher));
  };

  const http = await startLoopbackServer(async (request, response) => {
    const kind = request.query.get('watch') === 'true' ? 'watch' : 'list';
    const fault = faults[kind].shift();
    await (fault ?? (kind === 'watch' ? watch : list))(request, response);
  });

  return {
    http,
    put(name, value) {
      version += 1;
      const old = objects.get(name);
      const object: Item = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: {
          name,
          namespace: 'default',
          uid: old?.metadata.uid ?? `uid-${++uids}`,
          resourceVersion: String(version),
          managedFields: [
            { manager: 'test', operation: 'Update', fieldsV1: { 'f:data': { 'f:value': {} } } },
          ],
        },
        data: { value },
      };
      objects.set(name, object);
      record(old ? 'MODIFIED' : 'ADDED', object);
    },
    remove(name) {
      const old = objects.get(name);
      if (!old) return;
      version += 1;
      objects.delete(name);
      record('DELETED', { ...old, metadata: { ...old.metadata, resourceVersion: String(version) } });
    },
    compact() {
      version += 1;
      compacted = version;
      log = [];
    },
    bookmark() {
      const bookmark = line('BOOKMARK', { metadata: { resourceVersion: String(version) } });
      for (const { response } of watchers) if (!response.writableEnded) response.write(bookmark);
    },
    names: () => [...objects.keys()].sort(),
    values: () => Object.fromEntries([...objects].map(([name, { data }]) => [name, data.value])),
    version: () => version,
    orderFaults(kind, ...ordered) {
      faults[kind].push(...ordered);
    },
    lists: () => http.requests.filter(({ query }) => query.get('watch') !== 'true'),
    watches: () => http.requests.filter(({ query }) => query.get('watch') === 'true'),
    openWatches: () => watchers.size,
    toWatches(act) {
      for (const watcher of watchers) if (!watcher.response.writableEnded) act(watcher);
    },
    silence() {
      const silenced = [...watchers];
      watchers.clear();
      return silenced;
    },
    setStreamingList(supported) {
      streamingList = supported;
    },
  };
}

/** Responds with an error Status. */
export const refuse =
  (code: number, reason: string, headers: Record<string, string> = {}): Handler =>
  (_, response) =>
    answerJson(response, code, statusBody(code, reason, `${code} ${reason}`), headers);
