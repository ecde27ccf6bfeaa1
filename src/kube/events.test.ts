import { afterEach, describe, expect, test } from 'vitest';
import { createKubeClient } from './client.ts';
import { staticConnection } from './connection.ts';
import { createEventRecorder, type EventInput } from './events.ts';
import type { KubeObject } from './object.ts';
import { refuse } from './testing/collection-server.ts';
import { answerJson, startLoopbackServer, type Handler } from './testing/loopback-server.ts';
import { createSimulatedTime } from './testing/simulated-time.ts';
import { after } from '../k8s/time.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const account: KubeObject = {
  apiVersion: 'example.com/v1',
  kind: 'Account',
  metadata: { name: 'payments', uid: 'u1', resourceVersion: '7' },
};
const attached: EventInput = { type: 'Normal', reason: 'PolicyAttached', note: 'attached it' };
const epoch = Date.parse('2026-11-24T08:00:00.250Z');

async function setUp(...answers: (Handler | undefined)[]) {
  const server = await startLoopbackServer(async (request, response) => {
    const next = answers.shift();
    if (next) await next(request, response);
    else answerJson(response, 201, {});
  });
  closers.push(() => server.close());
  const client = createKubeClient(staticConnection({ server: server.url }));
  closers.push(() => client.close());
  const time = createSimulatedTime(epoch);
  const work = { isWaiting: false };
  const clock = { offsetMs: 0 };
  const recorder = createEventRecorder({
    client,
    controller: 'example.com/accounts',
    instance: 'pod-1',
    now: () => after(time.wallClock(), clock.offsetMs),
    monotonic: time.now,
    setTimer: time.setTimer,
    busy: () => work.isWaiting,
  });
  const requests = () =>
    server.requests.map(({ method, path, body }) => ({
      method,
      path,
      body: JSON.parse(body) as Record<string, unknown> & { metadata: { name: string } },
    }));
  return { server, time, clock, recorder, requests, work };
}

describe('an Event', () => {
  test('has all fields that the API requires, and is written into the namespace of its object', async () => {
    const { recorder, requests } = await setUp();
    recorder.event(account, attached);
    recorder.event(
      { ...account, kind: 'App', metadata: { ...account.metadata, namespace: 'shop' } },
      { type: 'Warning', reason: 'Failed', note: 'no', action: 'Deploy' },
    );
    await recorder.flush();
    expect(requests().map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /apis/events.k8s.io/v1/namespaces/default/events',
      'POST /apis/events.k8s.io/v1/namespaces/shop/events',
    ]);
    const [first, second] = requests().map(({ body }) => body);
    expect(first).toEqual({
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: expect.stringMatching(/^payments\.[0-9a-f]+$/) as string, namespace: 'default' },
      eventTime: '2026-11-24T08:00:00.250000Z',
      reportingController: 'example.com/accounts',
      reportingInstance: 'pod-1',
      action: 'Reconcile',
      reason: 'PolicyAttached',
      note: 'attached it',
      type: 'Normal',
      regarding: {
        apiVersion: 'example.com/v1',
        kind: 'Account',
        name: 'payments',
        uid: 'u1',
        resourceVersion: '7',
      },
    });
    expect(second).toMatchObject({ action: 'Deploy', regarding: { namespace: 'shop' } });
    expect(first?.metadata.name).not.toBe(second?.metadata.name);
  });

  test('has its note truncated to the limit of the API, at a character boundary', async () => {
    const { recorder, requests } = await setUp();
    recorder.event(account, { ...attached, note: 'ä'.repeat(1000) });
    recorder.event(account, { ...attached, note: 'b'.repeat(1024) });
    await recorder.flush();
    expect(requests().map(({ body }) => body.note)).toEqual([`${'ä'.repeat(510)}…`, 'b'.repeat(1024)]);
  });
});

describe('a repeated Event', () => {
  test('is counted in the same series even if the wall clock was changed in between', async () => {
    const { recorder, requests, time, clock } = await setUp();
    for (const offsetMs of [0, 3_600_000, -3_600_000]) {
      clock.offsetMs = offsetMs;
      recorder.event(account, attached);
    }
    await time.advance(60_000);
    await recorder.flush();
    expect(requests().map(({ method }) => method)).toEqual(['POST', 'PATCH']);
    expect(requests()[1]?.body).toMatchObject({ series: { count: 3 } });
  });

  test('is counted in the same series, which is written at most once a minute', async () => {
    const { recorder, requests, time } = await setUp();
    recorder.event(account, attached);
    await expect.poll(() => requests().length).toBe(1);
    for (let index = 0; index < 5; index += 1) {
      await time.advance(5_000);
      recorder.event(account, attached);
    }
    expect(requests()).toHaveLength(1);
    await time.advance(60_000);
    await expect.poll(() => requests().length).toBe(2);
    const [created, patched] = requests();
    expect(patched).toEqual({
      method: 'PATCH',
      path: `/apis/events.k8s.io/v1/namespaces/default/events/${created?.body.metadata.name}`,
      body: { series: { count: 6, lastObservedTime: '2026-11-24T08:00:25.250000Z' } },
    });
  });

  test('is written as a new Event if the previous occurrence is more than six minutes old', async () => {
    const { recorder, requests, time } = await setUp();
    recorder.event(account, attached);
    await expect.poll(() => requests().length).toBe(1);
    await time.advance(6 * 60_000 + 1);
    recorder.event(account, attached);
    await recorder.flush();
    expect(requests().map(({ method }) => method)).toEqual(['POST', 'POST']);
  });

  test('continues in a new Event after the server has deleted the previous Event', async () => {
    const { recorder, requests } = await setUp(undefined, refuse(404, 'NotFound'));
    recorder.event(account, attached);
    await expect.poll(() => requests().length).toBe(1);
    recorder.event(account, attached);
    await recorder.flush();
    expect(requests().map(({ method }) => method)).toEqual(['POST', 'PATCH', 'POST']);
    expect(requests()[2]?.body).toMatchObject({ series: { count: 2 } });
  });

  test('is counted in the same series only if the note, the reason and the object are the same', async () => {
    const { recorder, requests } = await setUp();
    recorder.event(account, attached);
    recorder.event(account, { ...attached, note: 'another' });
    recorder.event(account, { ...attached, reason: 'Another' });
    recorder.event({ ...account, metadata: { ...account.metadata, uid: 'u2' } }, attached);
    await recorder.flush();
    expect(requests().map(({ method }) => method)).toEqual(['POST', 'POST', 'POST', 'POST']);
  });
});

const refused: EventInput = { type: 'Warning', reason: 'AccessDenied', note: 'no' };

test('pending Events of type Warning are written before those of type Normal, and within a type the oldest Event first', async () => {
  let answer = (): void => {};
  const { recorder, requests } = await setUp((_request, response) => {
    answer = () => answerJson(response, 201, {});
  });
  const record = (event: EventInput, ...notes: readonly string[]): void => {
    for (const note of notes) recorder.event(account, { ...event, note });
  };
  record(attached, 'under way');
  await expect.poll(() => requests().length).toBe(1);
  record(attached, 'well 1', 'well 2');
  record(refused, 'wrong 1');
  record(attached, 'well 3');
  record(refused, 'wrong 2');
  answer();
  await recorder.flush();
  expect(requests().map(({ body }) => body.note)).toEqual([
    'under way',
    'wrong 1',
    'wrong 2',
    'well 1',
    'well 2',
    'well 3',
  ]);
});

describe('while other work is pending', () => {
  test('Events of type Warning are written at once, and Events of type Normal after the work is done', async () => {
    const { recorder, requests, time, work } = await setUp();
    work.isWaiting = true;
    recorder.event(account, attached);
    recorder.event(account, refused);
    await expect.poll(() => requests().length).toBe(1);
    await time.advance(10_000);
    expect(requests().map(({ body }) => body.note)).toEqual(['no']);
    work.isWaiting = false;
    await time.advance(250);
    await expect.poll(() => requests().map(({ body }) => body.note)).toEqual(['no', 'attached it']);
  });

  test('Events of type Normal are delayed by at most half a minute', async () => {
    const { recorder, requests, time, work } = await setUp();
    work.isWaiting = true;
    recorder.event(account, attached);
    await time.advance(29_999);
    expect(requests()).toEqual([]);
    await time.advance(1);
    await expect.poll(() => requests().length).toBe(1);
  });

  test('a flush at the end of the process writes all Events without delay', async () => {
    const { recorder, requests, time, work } = await setUp();
    work.isWaiting = true;
    recorder.event(account, attached);
    await time.settle();
    await recorder.flush();
    expect(requests().map(({ body }) => body.note)).toEqual(['attached it']);
    expect(time.pending()).toBe(0);
  });
});

describe('a server that does not accept an Event', () => {
  test('receives the Event again after a temporary failure, and under another name if the name is taken', async () => {
    const { recorder, requests, time } = await setUp(
      refuse(503, 'ServiceUnavailable'),
      refuse(409, 'AlreadyExists'),
    );
    recorder.event(account, attached);
    await expect.poll(() => requests().length).toBe(1);
    await expect.poll(() => time.advance(500).then(() => requests().length)).toBe(3);
    expect(new Set(requests().map(({ body }) => body.metadata.name)).size).toBe(3);
  });

  test('causes the loss of only the Event that the server refuses', async () => {
    const { recorder, requests } = await setUp(refuse(403, 'Forbidden'));
    recorder.event(account, attached);
    recorder.event(account, { ...attached, note: 'next' });
    await recorder.flush();
    expect(requests().map(({ body }) => body.note)).toEqual(['attached it', 'next']);
  });

  test('delays the end of the process by at most the flush timeout, and leaves no timer or connection open', async () => {
    const { recorder, requests, time, server } = await setUp(() => {});
    recorder.event(account, attached);
    recorder.event(account, { ...attached, note: 'next' });
    await expect.poll(() => requests().length).toBe(1);
    let ended = false;
    const end = async (): Promise<void> => {
      await recorder.flush({ timeoutMs: 1000 });
      ended = true;
    };
    const ending = end();
    await time.advance(999);
    expect(ended).toBe(false);
    await time.advance(1);
    await ending;
    expect(requests()).toHaveLength(1);
    expect(time.pending()).toBe(0);
    await expect.poll(() => server.openConnections()).toBe(0);
  });
});
