/**
 * EKS, as far as a program needs it to find its cluster. REST with JSON bodies: an operation is a method and a path.
 * The clusters are given at the start and are active; nothing here can change them.
 */
import type { Requirement } from '../authorise.ts';
import { authorise } from '../authorise.ts';
import { jsonRefusals, refusalError } from '../wire/refusals.ts';
import type { Service, ServiceRequest, ServiceResponse } from '../wire/service.ts';
import { AwsError } from '../wire/service.ts';

export type EksCluster = {
  readonly name: string;
  readonly endpoint: string;
  /** Base64 of the PEM. */
  readonly certificateAuthorityData: string;
  readonly issuer: string;
  readonly version: string;
};

export type EksOptions = {
  readonly partition: string;
  readonly region: string;
  readonly accountId: string;
  readonly clusters: readonly EksCluster[];
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
};

type Json = { readonly [member: string]: unknown };

type EksAction = {
  readonly name: string;
  readonly access: 'read' | 'write';
  readonly method: string;
  /** Matched against the decoded path; its groups are the parameters. */
  readonly path: RegExp;
  readonly subject: (parameters: Readonly<Record<string, string>>, options: EksOptions) => string;
  readonly run: (
    parameters: Readonly<Record<string, string>>,
    request: ServiceRequest,
    options: EksOptions,
  ) => Json;
};

const clusterArn = (name: string, { partition, region, accountId }: EksOptions): string =>
  `arn:${partition}:eks:${region}:${accountId}:cluster/${name}`;

const describeCluster: EksAction = {
  name: 'DescribeCluster',
  access: 'read',
  method: 'GET',
  path: /^\/clusters\/(?<name>[^/]+)$/,
  subject: ({ name = '' }, options) => clusterArn(name, options),
  run: ({ name = '' }, _request, options) => {
    const cluster = options.clusters.find((candidate) => candidate.name === name);
    if (!cluster) {
      throw new AwsError('ResourceNotFoundException', `No cluster found for name: ${name}.`, 404, {
        clusterName: name,
      });
    }
    return { cluster: renderCluster(cluster, options) };
  },
};

const listClusters: EksAction = {
  name: 'ListClusters',
  access: 'read',
  method: 'GET',
  path: /^\/clusters\/?$/,
  subject: () => '*',
  run: (_parameters, { query }, { clusters }) => {
    const names = clusters.map((cluster) => cluster.name).sort();
    const after = query.get('nextToken');
    const size = readMaxResults(query.get('maxResults'));
    const rest = after === null ? names : names.filter((name) => name > decodeToken(after));
    const page = rest.slice(0, size);
    const last = page.at(-1);
    const nextToken = rest.length > size && last !== undefined ? encodeToken(last) : undefined;
    return { clusters: page, nextToken };
  },
};

/** In the order in which paths are tried. */
export const eksActions: readonly EksAction[] = [describeCluster, listClusters];

const renderCluster = (cluster: EksCluster, options: EksOptions): Json => ({
  name: cluster.name,
  arn: clusterArn(cluster.name, options),
  createdAt: Math.floor(options.createdAt / 1000),
  version: cluster.version,
  endpoint: cluster.endpoint,
  identity: { oidc: { issuer: cluster.issuer } },
  certificateAuthority: { data: cluster.certificateAuthorityData },
  status: 'ACTIVE',
  platformVersion: 'eks.1',
  accessConfig: { authenticationMode: 'API' },
  tags: {},
});

export function createEksService(options: EksOptions): Service {
  return async (request) => {
    try {
      const result = await perform(request, options);
      return json(200, request, result);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      return json(error.status, request, { message: error.message, ...error.members }, error.code);
    }
  };
}

async function perform(request: ServiceRequest, options: EksOptions): Promise<Json> {
  const path = decodePath(request.path);
  const action = eksActions.find(
    (candidate) => candidate.method === request.method && candidate.path.test(path),
  );
  if (!action) {
    await request.admit({ action: '', resource: '*', parameters: { method: request.method, path } });
    throw new AwsError('UnknownOperationException', `No operation for ${request.method} ${path}`, 404);
  }
  const parameters = { ...action.path.exec(path)?.groups };
  const resource = action.subject(parameters, options);
  await request.admit({
    action: action.name,
    resource,
    parameters: { ...parameters, ...Object.fromEntries(request.query) },
  });
  const { authentication } = request;
  if (authentication.kind !== 'authenticated') throw refusalError(authentication, jsonRefusals);
  const requirement: Requirement = { action: `eks:${action.name}`, resource };
  authorise(authentication.caller, requirement, request.context, 'AccessDeniedException');
  return action.run(parameters, request, options);
}

function json(status: number, request: ServiceRequest, body: Json, errorCode?: string): ServiceResponse {
  return {
    status,
    headers: {
      'content-type': 'application/json',
      ...(errorCode === undefined ? {} : { 'x-amzn-errortype': errorCode }),
      'x-amzn-requestid': request.requestId,
    },
    body: JSON.stringify(body),
    outcome: { errorCode, changed: false },
  };
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function readMaxResults(text: string | null): number {
  if (text === null) return 100;
  const size = Number(text);
  if (!Number.isInteger(size) || size < 1 || size > 100) {
    throw new AwsError('InvalidParameterException', 'maxResults must be between 1 and 100');
  }
  return size;
}

const encodeToken = (name: string): string => Buffer.from(name).toString('base64url');
const decodeToken = (token: string): string => Buffer.from(token, 'base64url').toString('utf8');
