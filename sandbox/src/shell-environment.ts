/**
 * The variables with which kubectl, the AWS CLI, AWS SDKs and kon work against the sandbox and nothing else, whatever a
 * person's shell has set before.
 */
import { delimiter } from 'node:path';
import type { Environment, OuterEnvironment } from './environment.ts';
import type { SandboxDescription } from './supervisor/description.ts';
import { sandboxPaths } from './supervisor/paths.ts';

export function shellEnvironment(sandbox: SandboxDescription, outer: OuterEnvironment): Environment {
  const paths = sandboxPaths(sandbox.folder);
  const { awsEndpoint, credentials, region } = sandbox;
  const set: Record<string, string> = {
    KUBECONFIG: sandbox.kubeconfig,
    PATH: [paths.bin, ...(outer['PATH'] === undefined ? [] : [outer['PATH']])].join(delimiter),
    AWS_ENDPOINT_URL: awsEndpoint,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    // Files of the sandbox's own, so that profiles, endpoints and SSO sessions of the person's are not read.
    AWS_CONFIG_FILE: paths.awsConfig,
    AWS_SHARED_CREDENTIALS_FILE: paths.awsCredentials,
    AWS_EC2_METADATA_DISABLED: 'true',
    NO_PROXY: withLoopback(outer['NO_PROXY']),
    no_proxy: withLoopback(outer['no_proxy'] ?? outer['NO_PROXY']),
  };
  for (const [name, value] of Object.entries(outer)) {
    if (value === undefined || value === '') continue;
    const neutral = neutralised(name, awsEndpoint);
    if (neutral !== undefined) set[name] = neutral;
  }
  return set;
}

/** What else of a person's would win over the above, or would be sent along. */
function neutralised(name: string, awsEndpoint: string): string | undefined {
  if (name.startsWith('AWS_ENDPOINT_URL_')) return awsEndpoint;
  switch (name) {
    case 'AWS_PROFILE':
    case 'AWS_DEFAULT_PROFILE':
      return 'default';
    case 'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS':
    case 'AWS_USE_DUALSTACK_ENDPOINT':
    case 'AWS_USE_FIPS_ENDPOINT':
      return 'false';
    case 'AWS_SESSION_TOKEN':
    case 'AWS_SECURITY_TOKEN':
    case 'AWS_CA_BUNDLE':
    case 'AWS_ROLE_ARN':
    case 'AWS_WEB_IDENTITY_TOKEN_FILE':
    case 'AWS_CONTAINER_CREDENTIALS_FULL_URI':
    case 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI':
      return '';
    default:
      return undefined;
  }
}

function withLoopback(noProxy: string | undefined): string {
  const hosts = (noProxy ?? '').split(',').filter((host) => host !== '');
  return [...new Set([...hosts, '127.0.0.1', 'localhost'])].join(',');
}
