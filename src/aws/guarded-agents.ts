/**
 * Connections that ask, once they are there and before anything is written to them, whether it may still be sent. A process that
 * is paused while it connects would otherwise send, when it goes on, what it was allowed to send long ago.
 */
import { Agent as HttpAgent, type AgentOptions, type ClientRequest } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export type GuardedAgents = { readonly httpAgent: HttpAgent; readonly httpsAgent: HttpsAgent };

/** @param mayConnect how many connections there may be at a time, to each host */
export function createGuardedAgents(guard: () => void, mayConnect = 50): GuardedAgents {
  const options: AgentOptions = { keepAlive: true, maxSockets: mayConnect };
  return {
    httpAgent: guarded(new HttpAgent(options), 'connect', guard),
    httpsAgent: guarded(new HttpsAgent(options), 'secureConnect', guard),
  };
}

/** What `guard` throws ends the request with that error, before its first byte. */
function guarded<A extends HttpAgent>(
  agent: A,
  connected: 'connect' | 'secureConnect',
  guard: () => void,
): A {
  const createConnection = agent.createConnection.bind(agent);
  agent.createConnection = (...args) => {
    const socket = createConnection(...args) as Duplex | null | undefined;
    socket?.prependOnceListener(connected, () => ask(socket));
    return socket;
  };
  const reuseSocket = agent.reuseSocket.bind(agent);
  agent.reuseSocket = (socket: Duplex, request: ClientRequest) => {
    reuseSocket(socket as Socket, request);
    ask(request);
  };
  const ask = (sender: { destroy(error: Error): unknown }): void => {
    try {
      guard();
    } catch (error) {
      sender.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  };
  return agent;
}
