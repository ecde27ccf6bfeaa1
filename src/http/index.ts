/**
 * HTTP connections with support for proxies, and with a guard before each request. The Kubernetes client and the AWS
 * clients share this code.
 */
export { ConnectionAgent, guardRequest } from './agent.ts';
export { addressOf, dial } from './dial.ts';
export { proxyFromEnv } from './proxy.ts';
