/**
 * Environment variables that make kubectl, the AWS CLI, AWS SDKs and kon use only the sandbox, regardless of the
 * variables in the user's shell.
 */
import { delimiter } from 'node:path';
import { endpointVariables } from './endpoint-variables.ts';
import type { Environment, OuterEnvironment } from './environment.ts';
import type { SandboxDescription } from './supervisor/description.ts';
import { sandboxPaths } from './supervisor/paths.ts';

/**
 * Returns sh commands that set the variables in a running shell. `PATH` keeps the value of that shell, because `kon`
 * can run with another `PATH` (npx). The sandbox's kubectl is appended to `PATH` only if the shell has no kubectl.
 */
export function shellCommands(sandbox: SandboxDescription, outer: OuterEnvironment): string {
  const { PATH: _of, ...variables } = shellEnvironment(sandbox, outer);
  const { bin } = sandboxPaths(sandbox.folder);
  return [
    ...Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}\n`),
    `command -v kubectl >/dev/null || export PATH="$PATH":${quoted(bin)}\n`,
  ].join('');
}

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/**
 * Returns the environment variables for a program that uses the sandbox. The sandbox's kubectl comes first in `PATH`.
 */
export function shellEnvironment(sandbox: SandboxDescription, outer: OuterEnvironment): Environment {
  const paths = sandboxPaths(sandbox.folder);
  const { awsEndpoint, credentials, region } = sandbox;
  const set: Record<string, string> = {
    KUBECONFIG: sandbox.kubeconfig,
    PATH: [paths.bin, ...(outer['PATH'] === undefined ? [] : [outer['PATH']])].join(delimiter),
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    // Files of the sandbox, which replace the user's profiles, endpoints and SSO sessions.
    AWS_CONFIG_FILE: paths.awsConfig,
    AWS_SHARED_CREDENTIALS_FILE: paths.awsCredentials,
    AWS_EC2_METADATA_DISABLED: 'true',
    ...endpointVariables(awsEndpoint, outer),
  };
  for (const [name, value] of Object.entries(outer)) {
    if (value === undefined || value === '') continue;
    const neutral = neutralised(name);
    if (neutral !== undefined) set[name] = neutral;
  }
  return set;
}

/**
 * Returns a value without effect if SDKs would prefer the user's variable to the sandbox's variables or use both.
 * Returns undefined for all other variables.
 */
function neutralised(name: string): string | undefined {
  switch (name) {
    case 'AWS_PROFILE':
    case 'AWS_DEFAULT_PROFILE':
      return 'default';
    case 'AWS_SESSION_TOKEN':
    case 'AWS_SECURITY_TOKEN':
    case 'AWS_ROLE_ARN':
    case 'AWS_WEB_IDENTITY_TOKEN_FILE':
    case 'AWS_CONTAINER_CREDENTIALS_FULL_URI':
    case 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI':
      return '';
    default:
      return undefined;
  }
}
