import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { followAssociations, type Associations } from './associations.ts';

let server: Server;
let answer: { status: number; body: string };
let abort: AbortController;
let lines: string[];
/** Lets the poller make its next request. */
let next: (() => void) | undefined;

beforeEach(async () => {
  answer = { status: 200, body: '{"identities":[]}' };
  abort = new AbortController();
  lines = [];
  next = undefined;
  server = createServer((_request, response) => response.writeHead(answer.status).end(answer.body));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  abort.abort();
  server.closeAllConnections();
  server.close();
});

/** Sends the first request at once. */
const follow = (): Associations =>
  followAssociations({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    setTimer: (callback) => {
      next = callback;
      return () => undefined;
    },
    log: (line) => lines.push(line),
    signal: abort.signal,
  });

async function look(): Promise<void> {
  await expect.poll(() => next, { interval: 5 }).toBeDefined();
  const go = next;
  next = undefined;
  go?.();
  await expect.poll(() => next, { interval: 5 }).toBeDefined();
}

const ref = { namespace: 'production', name: 'myaccount' };
const known = '{"identities":[{"namespace":"production","serviceAccount":"myaccount"}]}';

test('a new association is cached after a delay, and a deleted association is removed from the cache', async () => {
  const associations = follow();
  expect(associations.known()).toBe(false);
  await look();
  expect(associations.known()).toBe(true);
  expect(associations.has(ref)).toBe(false);
  answer = { status: 200, body: known };
  await look();
  expect(associations.has(ref)).toBe(true);
  expect(associations.has({ ...ref, namespace: 'staging' })).toBe(false);
  answer = { status: 200, body: '{}' };
  await look();
  expect(associations.has(ref)).toBe(true);
  answer = { status: 200, body: '{"identities":[]}' };
  await look();
  expect(associations.has(ref)).toBe(false);
});

test('the cache is kept while reads fail, and the failure is logged once', async () => {
  answer = { status: 200, body: known };
  const associations = follow();
  await look();
  answer = { status: 500, body: '' };
  await look();
  await look();
  expect(associations.has(ref)).toBe(true);
  expect(lines).toHaveLength(1);
});
