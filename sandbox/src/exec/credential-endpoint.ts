/**
 * Emulates the EKS Pod Identity agent for a program that runs as a pod: an endpoint on loopback that exchanges the
 * SDK's token for credentials and caches them, as the agent does.
 * https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createEksAuthClient, type PodIdentityExchange } from '../../../src/eks-auth/client.ts';
import type { Wall } from '../../../src/k8s/time.ts';

export type AgentOptions = {
  readonly endpoint: string;
  readonly region: string;
  readonly clusterName: string;
  /** Credentials of the node, which have the permission `eks-auth:AssumeRoleForPodIdentity`. */
  readonly nodeCredentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Returns the current time, in milliseconds since the epoch. */
  readonly now: () => Wall;
};

export type CredentialEndpoint = {
  /** URL of the endpoint, the value for `AWS_CONTAINER_CREDENTIALS_FULL_URI`. */
  readonly url: string;
  close(): Promise<void>;
};

const path = '/v1/credentials';
/**
 * The agent refreshes credentials that are older than `keptForMs`, and returns no credentials that expire within
 * `leastLeftMs`. Both values are in milliseconds.
 */
const keptForMs = 3_600_000;
const leastLeftMs = 15_000;

type Kept = { readonly exchange: PodIdentityExchange; readonly at: number };

export async function startCredentialEndpoint(options: AgentOptions): Promise<CredentialEndpoint> {
  const { endpoint, region, clusterName, nodeCredentials, now } = options;
  const client = createEksAuthClient({ endpoint, region, credentials: nodeCredentials });
  const kept = new Map<string, Kept>();

  const credentialsFor = async (token: string): Promise<PodIdentityExchange> => {
    const known = kept.get(token);
    const left = (known?.exchange.credentials.expiration.getTime() ?? 0) - now();
    if (known && left > leastLeftMs && now() - known.at < keptForMs) return known.exchange;
    try {
      const exchange = await client.exchange({ clusterName, token });
      kept.set(token, { exchange, at: now() });
      return exchange;
    } catch (error) {
      // The refresh failed with a transient error, and the cached credentials are still valid.
      if (known && left > leastLeftMs && isPassing(error)) return known.exchange;
      kept.delete(token);
      throw error;
    }
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const token = request.headers.authorization ?? '';
    if (request.method !== 'GET' || request.url !== path) return text(response, 404, 'Not found');
    if (token === '') return text(response, 400, 'Service account token cannot be empty');
    try {
      const { credentials, assumedRoleArn } = await credentialsFor(token);
      response.writeHead(200, { 'content-type': 'application/json' }).end(
        JSON.stringify({
          AccessKeyId: credentials.accessKeyId,
          SecretAccessKey: credentials.secretAccessKey,
          Token: credentials.sessionToken,
          AccountId: assumedRoleArn.split(':')[4],
          Expiration: credentials.expiration.toISOString().replace(/\.\d+Z$/, 'Z'),
        }),
      );
    } catch (error) {
      const { name, message } = error as Error;
      text(response, statusOf(error), `(${name}): ${message}`);
    }
  };

  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${path}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      client.close();
    },
  };
}

function text(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(body);
}

function statusOf(error: unknown): number {
  const metadata = error instanceof Error && '$metadata' in error ? error.$metadata : undefined;
  const status = (metadata as { readonly httpStatusCode?: number } | undefined)?.httpStatusCode;
  return status ?? 500;
}

function isPassing(error: unknown): boolean {
  const status = statusOf(error);
  return status >= 500 || status === 429;
}
