import { describe, expect, test } from 'vitest';
import { KubeUnreachableError } from './errors.ts';
import { configMaps } from './resources.ts';
import { createClientHarness } from './testing/client-harness.ts';
import { answerJson, statusBody } from './testing/loopback-server.ts';
import type { SetTimer } from './timing.ts';

const { serve, clientOf } = createClientHarness();

describe('a watch', () => {
  const event = (type: string, name: string, version: string): string =>
    `${JSON.stringify({ type, object: { metadata: { name, namespace: 'n', resourceVersion: version } } })}\n`;

  test('yields each event as soon as its line is complete, wherever the bytes are split', async () => {
    const text =
      event('ADDED', 'ä', '1') +
      event('MODIFIED', 'ä', '2') +
      '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"5","annotations":{"k8s.io/initial-events-end":"true"}}}}\n' +
      event('DELETED', 'ä', '6') +
      '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}\n';
    const server = await serve(async (_, response) => {
      for (const byte of Buffer.from(text)) {
        response.write(Buffer.of(byte));
        if (byte % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
    });
    const seen: string[] = [];
    for await (const next of clientOf(server).watch(configMaps, {
      resourceVersion: '0',
      timeoutSeconds: 300,
    }))
      seen.push(
        next.type === 'ERROR'
          ? `ERROR ${next.error.reason}`
          : next.type === 'BOOKMARK'
            ? `BOOKMARK ${next.resourceVersion} ${next.initialEventsEnd}`
            : `${next.type} ${next.object.metadata.name} ${next.object.metadata.resourceVersion}`,
      );
    expect(seen).toEqual(['ADDED ä 1', 'MODIFIED ä 2', 'BOOKMARK 5 true', 'DELETED ä 6', 'ERROR Expired']);
    expect(server.requests[0]?.query.toString()).toBe('watch=true&resourceVersion=0&timeoutSeconds=300');
  });

  test.each([
    [
      'is reset',
      (request: { socket: { resetAndDestroy(): void } }) => request.socket.resetAndDestroy(),
      'reset',
    ],
    ['ends within a line', undefined, 'in the middle of an event'],
  ])('that %s yields the complete events first, and then throws', async (_, breakOff, expected) => {
    const server = await serve(async (request, response) => {
      response.write(`${event('ADDED', 'a', '1')}{"type":"ADDED","obj`);
      await expect.poll(() => names.length).toBe(1);
      if (breakOff) breakOff(request);
      else response.end();
    });
    const names: string[] = [];
    const consume = async (): Promise<void> => {
      for await (const next of clientOf(server).watch(configMaps, {}))
        if (next.type === 'ADDED') names.push(next.object.metadata.name);
    };
    const error = await consume().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(error instanceof KubeUnreachableError ? error.code : (error as Error).message).toContain(expected);
    expect(names).toEqual(['a']);
  });

  test('that the server refuses throws the error from its Status', async () => {
    const server = await serve((_, response) =>
      answerJson(response, 410, statusBody(410, 'Expired', 'too old')),
    );
    const watch = clientOf(server).watch(configMaps, { resourceVersion: '1' });
    await expect(watch[Symbol.asyncIterator]().next()).rejects.toMatchObject({ status: 410 });
  });

  test('is not ended by the request timeout, and closes its connection when the reader stops or aborts', async () => {
    const server = await serve((_, response) => {
      response.write(event('ADDED', 'a', '1'));
    });
    const deadlines = new Set<() => void>();
    const setTimer: SetTimer = (callback) => {
      deadlines.add(callback);
      return () => deadlines.delete(callback);
    };
    const client = clientOf(server, { setTimer });
    for await (const next of client.watch(configMaps, {})) {
      expect(next.type).toBe('ADDED');
      break;
    }
    await expect.poll(() => server.openConnections()).toBe(0);
    const controller = new AbortController();
    const iterator = client.watch(configMaps, { signal: controller.signal })[Symbol.asyncIterator]();
    await iterator.next();
    for (const pass of deadlines) pass();
    expect(server.openConnections()).toBe(1);
    const next = iterator.next();
    controller.abort(new Error('stop'));
    await expect(next).rejects.toThrow('stop');
    await expect.poll(() => server.openConnections()).toBe(0);
  });
});
