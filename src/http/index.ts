/**
 * HTTP connections with support for proxies and for a guard before each request. The clients of the API server and of AWS share
 * them.
 */
export { ConnectionAgent, guardRequest } from './agent.ts';
export { addressOf, dial } from './dial.ts';
export { proxyFromEnv } from './proxy.ts';
