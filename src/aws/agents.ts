/**
 * HTTP agents of the AWS clients. Their proxies and certificate authorities are configured by the environment variables
 * that the AWS CLI also uses.
 */
import { readFileSync } from 'node:fs';
import { ConnectionAgent, proxyFromEnv } from '../http/index.ts';
import { IdentityError } from '../identity/index.ts';
import { errorMessage } from '../k8s/errors.ts';

/**
 * Environment variables of the process. `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are read in upper or lower case.
 * `AWS_CA_BUNDLE` names a file with certificate authorities. As in the AWS CLI, these replace the authorities of
 * Node.js and of `NODE_EXTRA_CA_CERTS`.
 */
export type AwsEnv = Readonly<Record<string, string | undefined>>;

export type AwsAgents = { readonly httpAgent: ConnectionAgent; readonly httpsAgent: ConnectionAgent };

/**
 * @param guard called right before the first byte of each request. It can throw to prevent the request
 * @throws IdentityError `Unreachable` if the CA bundle cannot be read
 */
export function createAwsAgents(env: AwsEnv, guard?: () => void): AwsAgents {
  const agentFor = (protocol: 'http' | 'https', tls?: { readonly ca?: Buffer }): ConnectionAgent =>
    new ConnectionAgent({
      tls,
      proxyFor: (host, port) => proxyFromEnv(new URL(`${protocol}://${host}:${port}`), env),
      connectMs: 3_000,
      idleMs: 60_000,
      maxSockets: 50,
      guard,
    });
  const { AWS_CA_BUNDLE: bundle } = env;
  return {
    httpAgent: agentFor('http'),
    httpsAgent: agentFor('https', bundle ? { ca: readBundle(bundle) } : {}),
  };
}

function readBundle(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new IdentityError(
      'Unreachable',
      `cannot read the CA bundle in AWS_CA_BUNDLE: ${errorMessage(error)}`,
      {
        cause: error,
      },
    );
  }
}
