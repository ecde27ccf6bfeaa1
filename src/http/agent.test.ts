import { createServer, request, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer as createSilentServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAuthority } from './testing/certificates.ts';
import { ConnectionAgent } from './agent.ts';

let heard: string[];
const closers: (() => void)[] = [];
beforeEach(() => {
  heard = [];
});
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

type Started = { readonly port: number; readonly tls?: { readonly ca: string } };

async function startServer(secure: boolean): Promise<Started> {
  const listener: RequestListener = (incoming, response) => {
    heard.push(incoming.url ?? '');
    response.end('ok');
  };
  const authority = secure ? await createAuthority() : undefined;
  const server: Server = authority
    ? createSecureServer(await authority.issue({ name: 'server', ips: ['127.0.0.1'] }), listener)
    : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    ...(authority ? { tls: { ca: authority.ca } } : {}),
  };
}

function agentTo({ tls }: Started, guard?: () => void): ConnectionAgent {
  const agent = new ConnectionAgent({ tls, guard, connectMs: 5_000, idleMs: 5_000 });
  closers.push(() => agent.destroy());
  return agent;
}

async function post(agent: ConnectionAgent, { port, tls }: Started, path: string): Promise<IncomingMessage> {
  const outgoing = request({
    port,
    host: '127.0.0.1',
    protocol: tls ? 'https:' : 'http:',
    path,
    method: 'POST',
    agent,
  });
  return new Promise((resolve, reject) => {
    outgoing.once('response', (response) => {
      response.resume();
      response.once('end', () => resolve(response));
    });
    outgoing.once('error', reject);
    outgoing.end('body');
  });
}

describe.each([
  { over: 'plain HTTP', secure: false },
  { over: 'TLS', secure: true },
])('a guarded agent over $over', ({ secure }) => {
  const refusal = new Error('does not lead');

  it('does not send a request if the guard refuses the request after the connection has been established', async () => {
    const server = await startServer(secure);
    let may = true;
    const agent = agentTo(server, () => {
      if (!may) throw refusal;
    });
    const sending = post(agent, server, '/late');
    // At this point, the connection is still being established.
    may = false;
    await expect(sending).rejects.toBe(refusal);
    expect(heard).toEqual([]);
    may = true;
    await expect(post(agent, server, '/first')).resolves.toMatchObject({ statusCode: 200 });
    expect(heard).toEqual(['/first']);
  });

  it('calls the guard right before it writes a request to a kept-alive connection, not when it chooses the connection', async () => {
    const server = await startServer(secure);
    let may = true;
    const agent = agentTo(server, () => {
      if (!may) throw refusal;
    });
    await post(agent, server, '/first');
    expect(Object.values(agent.freeSockets).flat()).toHaveLength(1);
    const sending = post(agent, server, '/second');
    // Here, the request already has its connection, but Node.js writes the request only in a later tick.
    expect(Object.values(agent.freeSockets).flat()).toHaveLength(0);
    may = false;
    await expect(sending).rejects.toBe(refusal);
    expect(heard).toEqual(['/first']);
  });

  it('calls the guard for each request on a kept-alive connection', async () => {
    const server = await startServer(secure);
    let asked = 0;
    const agent = agentTo(server, () => {
      asked += 1;
      if (asked === 2) throw refusal;
    });
    await post(agent, server, '/first');
    await expect(post(agent, server, '/second')).rejects.toBe(refusal);
    expect(heard).toEqual(['/first']);
  });
});

it('the agent closes a connection whose TLS handshake exceeds the timeout', async () => {
  const silent = createSilentServer();
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  closers.push(() => silent.close());
  const { port } = silent.address() as AddressInfo;
  const agent = new ConnectionAgent({ tls: { ca: '' }, connectMs: 20, idleMs: 5_000 });
  closers.push(() => agent.destroy());
  await expect(post(agent, { port, tls: { ca: '' } }, '/')).rejects.toMatchObject({ code: 'ETIMEDOUT' });
});

it('an agent that is destroyed right after a connection was established closes the connection', async () => {
  const server = await startServer(false);
  const agent = agentTo(server);
  const sockets: Socket[] = [];
  // This listener runs before the agent's listener, and the agent receives the socket only in a later tick. The
  // listener therefore destroys the agent before the agent receives the socket.
  const destroyOnConnect = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket };
    sockets.push(socket);
    socket.once('connect', () => process.nextTick(() => agent.destroy()));
  };
  subscribe('net.client.socket', destroyOnConnect);
  try {
    await expect(post(agent, server, '/')).rejects.toThrow('the agent was destroyed');
  } finally {
    unsubscribe('net.client.socket', destroyOnConnect);
  }
  expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true]);
  expect(heard).toEqual([]);
});
