/**
 * Environment variables that make every AWS SDK use the emulator. These variables take precedence over the variables of
 * a shell or a container.
 */
import type { Environment, OuterEnvironment } from './environment.ts';

/** @param others variables to set as well; variables that would select another endpoint are overridden */
export function endpointVariables(endpoint: string, others: OuterEnvironment): Environment {
  const set: Record<string, string> = {
    AWS_ENDPOINT_URL: endpoint,
    // aws-sdk-go-v2 resolves credentials before it reads AWS_ENDPOINT_URL. Without AWS_ENDPOINT_URL_STS, the SDK would
    // send a pod's token to AWS. https://github.com/aws/aws-sdk-go-v2/blob/config/v1.33.18/config/config.go:
    // resolveCredentials before resolveBaseEndpoint
    AWS_ENDPOINT_URL_STS: endpoint,
    NO_PROXY: withLoopback(others['NO_PROXY']),
    no_proxy: withLoopback(others['no_proxy'] ?? others['NO_PROXY']),
  };
  for (const [name, value] of Object.entries(others)) {
    if (value === undefined || value === '') continue;
    if (name.startsWith('AWS_ENDPOINT_URL_')) set[name] = endpoint;
    if (redirecting.has(name)) set[name] = 'false';
    if (name === 'AWS_CA_BUNDLE') set[name] = '';
  }
  return set;
}

/** Settings that make an SDK ignore or change the endpoint. */
const redirecting: ReadonlySet<string> = new Set([
  'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS',
  'AWS_USE_DUALSTACK_ENDPOINT',
  'AWS_USE_FIPS_ENDPOINT',
]);

function withLoopback(noProxy: string | undefined): string {
  const hosts = (noProxy ?? '').split(',').filter((host) => host !== '');
  return [...new Set([...hosts, '127.0.0.1', 'localhost'])].join(',');
}
