/** HTTP connections with proxies and the lease guard, shared by the clients of the API server and of AWS. */
export { ConnectionAgent, guardRequest } from './agent.ts';
export { addressOf, dial } from './dial.ts';
export { proxyFromEnv } from './proxy.ts';
