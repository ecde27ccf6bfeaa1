import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createGuardedAgents } from './guarded-agents.ts';

let server: Server;
let heard: string[];
beforeEach(async () => {
  heard = [];
  server = createServer((incoming, response) => {
    heard.push(incoming.url ?? '');
    response.end('ok');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function post(agents: ReturnType<typeof createGuardedAgents>, path: string): Promise<number | undefined> {
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const outgoing = request({ port, host: '127.0.0.1', path, method: 'POST', agent: agents.httpAgent });
    outgoing.once('response', (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode));
    });
    outgoing.once('error', reject);
    outgoing.end('body');
  });
}

it('a request waits for its connection, and is not sent when it may not be by then', async () => {
  const refusal = new Error('does not lead');
  let may = true;
  const agents = createGuardedAgents(() => {
    if (!may) throw refusal;
  });
  const sending = post(agents, '/late');
  // The connection is under way.
  may = false;
  await expect(sending).rejects.toBe(refusal);
  expect(heard).toEqual([]);
  may = true;
  expect(await post(agents, '/first')).toBe(200);
  expect(heard).toEqual(['/first']);
  agents.httpAgent.destroy();
});

it('a connection that is kept alive is asked right before the request is written, not when it is chosen', async () => {
  const refusal = new Error('does not lead');
  let may = true;
  const agents = createGuardedAgents(() => {
    if (!may) throw refusal;
  });
  expect(await post(agents, '/first')).toBe(200);
  await new Promise((resolve) => setImmediate(resolve));
  const sending = post(agents, '/second');
  // The request has its connection, and waits for its turn to be written.
  may = false;
  await expect(sending).rejects.toBe(refusal);
  expect(heard).toEqual(['/first']);
  agents.httpAgent.destroy();
});

it('a connection that is kept alive is asked for each request', async () => {
  const refusal = new Error('does not lead');
  let asked = 0;
  const agents = createGuardedAgents(() => {
    asked += 1;
    if (asked === 2) throw refusal;
  });
  expect(await post(agents, '/first')).toBe(200);
  await new Promise((resolve) => setImmediate(resolve));
  await expect(post(agents, '/second')).rejects.toBe(refusal);
  expect(heard).toEqual(['/first']);
  agents.httpAgent.destroy();
});
