/** HTTP connections that know proxies and the lease: what the clients of the API server and of AWS share. */
export { ConnectionAgent, guardRequest } from './agent.ts';
export { addressOf, dial } from './dial.ts';
export { proxyFromEnv } from './proxy.ts';
