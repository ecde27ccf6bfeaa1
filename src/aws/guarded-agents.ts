/**
 * Connections that ask, once they are established and right before anything is written to them, whether it may still be sent. A
 * process that is paused in between would otherwise send, once it is resumed, what it was allowed to send long ago.
 */
import { Agent as HttpAgent, type AgentOptions } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { toError } from '../k8s/errors.ts';

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
    const socket = createConnection(...args);
    socket?.prependOnceListener(connected, () => ask(socket));
    return socket;
  };
  const reuseSocket = agent.reuseSocket.bind(agent);
  agent.reuseSocket = (socket, request) => {
    reuseSocket(socket, request);
    // Node.js writes in a later tick, after all promise jobs that are pending now: it emits this event right before that.
    request.prependOnceListener('socket', () => ask(request));
  };
  const ask = (sender: { destroy(error: Error): unknown }): void => {
    try {
      guard();
    } catch (error) {
      sender.destroy(toError(error));
    }
  };
  return agent;
}
