/**
 * HTTP connections with support for proxies, and with a guard that can stop each request right before the request is
 * written. The Kubernetes client and the AWS clients share this code.
 */
export { ConnectionAgent, guardRequest } from './agent.ts';
export { addressOf, dial } from './dial.ts';
export { proxyFromEnv } from './proxy.ts';
