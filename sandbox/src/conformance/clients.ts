/** Clients for IAM, STS, EKS and S3. The guard checks each call before the call is sent. */
import { EKSClient } from '@aws-sdk/client-eks';
import { IAMClient } from '@aws-sdk/client-iam';
import { S3Client } from '@aws-sdk/client-s3';
import { STSClient } from '@aws-sdk/client-sts';
import { createAwsAgents, type AwsEnv } from '../../../src/aws/agents.ts';
import type { Guard } from './guard.ts';

export type Keys = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
};

export type Clients = {
  readonly iam: IAMClient;
  readonly sts: STSClient;
  readonly eks: EKSClient;
  readonly s3: S3Client;
};

export type ClientOptions = {
  /** Region for IAM, STS and S3. */
  readonly region: string;
  /** Region of the cluster (default: `region`). */
  readonly clusterRegion?: string | undefined;
  readonly env: AwsEnv;
  readonly userAgent: string;
  /** Endpoint of all services (default: the endpoint that the environment and the partition select). */
  readonly endpoint?: string;
  /** Credentials of all clients (default: the SDK's credential chain). */
  readonly credentials?: Keys;
};

export type ClientSet = {
  /** @param keys credentials of a session; default: the credentials in the options */
  readonly of: (keys?: Keys) => Clients;
  /** Returns the same clients, but with the retries of the SDK, for calls that are not part of a scenario. */
  readonly retrying: (keys?: Keys) => Clients;
  /** Adds a check that every later call of any client has to pass. */
  readonly guardWith: (guard: Guard) => void;
  readonly close: () => void;
};

/** Enough attempts to outlast several seconds of throttling by IAM. */
const mostAttempts = 8;

export function createClients(options: ClientOptions): ClientSet {
  const { region, clusterRegion = region, env, userAgent, endpoint } = options;
  const made = new Map<string, Clients>();
  let guard: Guard | undefined;
  const common = {
    region,
    customUserAgent: userAgent,
    requestHandler: { requestTimeout: 15_000, throwOnRequestTimeout: true, ...createAwsAgents(env) },
    ...(endpoint === undefined ? {} : { endpoint }),
  };
  // The default endpoints of S3 have a host name for each bucket. At any other endpoint, the path contains the bucket's
  // name.
  const forcePathStyle = endpoint !== undefined || hasChosenEndpoint(env);

  const build = (keys: Keys | undefined, maxAttempts: number): Clients => {
    const given = keys ?? options.credentials;
    const shared = { ...common, maxAttempts };
    const iam = guarded(new IAMClient({ ...shared, ...(given ? { credentials: given } : {}) }));
    // All clients share the credentials, so that a credential provider runs once.
    const { credentials } = iam.config;
    return {
      iam,
      sts: guarded(new STSClient({ ...shared, credentials })),
      eks: guarded(new EKSClient({ ...shared, credentials, region: clusterRegion })),
      s3: guarded(new S3Client({ ...shared, credentials, forcePathStyle })),
    };
  };
  const guarded = <Client extends Clients[keyof Clients]>(client: Client): Client => {
    // The middleware stacks of the clients differ only in their types.
    const { middlewareStack } = client as unknown as { readonly middlewareStack: Middlewares };
    middlewareStack.add(
      (next, context) => (args) => {
        guard?.check(context.commandName.replace(/Command$/, ''), args.input);
        return next(args);
      },
      { step: 'initialize', name: 'guard', priority: 'high' },
    );
    return client;
  };

  const cached = (keys: Keys | undefined, maxAttempts: number): Clients => {
    const id = `${keys?.accessKeyId} ${maxAttempts}`;
    const clients = made.get(id) ?? build(keys, maxAttempts);
    made.set(id, clients);
    return clients;
  };

  return {
    // A scenario checks the first response, so the SDK must not retry. The runner repeats throttled calls itself.
    of: (keys) => cached(keys, 1),
    retrying: (keys) => cached(keys, mostAttempts),
    guardWith: (given) => {
      guard = given;
    },
    close: () => {
      for (const clients of made.values()) for (const client of Object.values(clients)) client.destroy();
    },
  };
}

type Handler = (args: { readonly input: Readonly<Record<string, unknown>> }) => unknown;
type Middlewares = {
  add(
    middleware: (next: Handler, context: { readonly commandName: string }) => Handler,
    options: { readonly step: 'initialize'; readonly name: string; readonly priority: 'high' },
  ): void;
};

export function hasChosenEndpoint(env: AwsEnv): boolean {
  return Boolean(env['AWS_ENDPOINT_URL'] ?? env['AWS_ENDPOINT_URL_S3']);
}
