/** The protocol of EKS and EKS Auth: REST with JSON bodies. An operation is identified by a method and a path. */
import type { Requirement } from '../authorise.ts';
import { authorise } from '../authorise.ts';
import { jsonRefusals, refusalError } from './refusals.ts';
import type { Caller, Service, ServiceRequest, ServiceResponse } from './service.ts';
import { AwsError } from './service.ts';

export type Json = { readonly [member: string]: unknown };

/** Decoded capture groups of the action's path pattern. */
export type PathParameters = Readonly<Record<string, string>>;

export type RestCall<Env> = {
  readonly path: PathParameters;
  /** Members of the body; an empty object if there is no body. */
  readonly body: Json;
  readonly request: ServiceRequest;
  readonly env: Env;
};

export type RestAction<Env> = {
  readonly name: string;
  readonly access: 'read' | 'write';
  readonly method: string;
  /** Pattern for the decoded path; its capture groups are the path parameters. */
  readonly path: RegExp;
  /** Members of the body that must not appear in the journal. */
  readonly secrets?: readonly string[];
  /** ARN of the call's resource, or `*`. */
  readonly subject: (call: RestCall<Env>) => string;
  /** Permissions that the call needs in addition to the permission for its own action on its resource. */
  readonly requirements?: (call: RestCall<Env>) => readonly Requirement[];
  /** Returns the condition keys for the call's own action, with values from its resource and parameters. */
  readonly context?: (call: RestCall<Env>) => Requirement['context'];
  readonly run: (call: RestCall<Env>) => Promise<RestResult> | RestResult;
};

export type RestResult = { readonly body: Json; readonly changed: boolean };

export const answer = (body: Json): RestResult => ({ body, changed: false });
export const changed = (body: Json): RestResult => ({ body, changed: true });

export type RestOptions<Env> = {
  /** Prefix of the service's actions in IAM policies. */
  readonly prefix: string;
  /** Actions, in the order in which they are matched against a request. */
  readonly actions: readonly RestAction<Env>[];
  readonly env: Env;
};

export function createRestJsonService<Env>(options: RestOptions<Env>): Service {
  return async (request) => {
    try {
      const { body, changed: hasChanged } = await perform(request, options);
      return json(200, request, body, { changed: hasChanged });
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      const { status, code: errorCode, message, members } = error;
      return json(status, request, { message, ...members }, { changed: false, errorCode });
    }
  };
}

async function perform<Env>(request: ServiceRequest, options: RestOptions<Env>): Promise<RestResult> {
  const path = decodePath(request.path);
  const action = options.actions.find(
    (candidate) => candidate.method === request.method && candidate.path.test(path),
  );
  if (!action) {
    await request.admit({ action: '', resource: '*', parameters: { method: request.method, path } });
    throw new AwsError('UnknownOperationException', `No operation for ${request.method} ${path}`, 404);
  }
  const call: RestCall<Env> = {
    path: { ...action.path.exec(path)?.groups },
    body: readBody(request.body),
    request,
    env: options.env,
  };
  const resource = action.subject(call);
  await request.admit({
    action: action.name,
    resource,
    parameters: { ...call.path, ...Object.fromEntries(request.query), ...without(call.body, action.secrets) },
  });
  const caller = callerOf(request);
  const main: Requirement = {
    action: `${options.prefix}:${action.name}`,
    resource,
    context: action.context?.(call),
  };
  for (const requirement of [main, ...(action.requirements?.(call) ?? [])])
    authorise(caller, requirement, request.context, 'AccessDeniedException');
  return action.run(call);
}

function callerOf({ authentication }: ServiceRequest): Caller {
  if (authentication.kind !== 'authenticated') throw refusalError(authentication, jsonRefusals);
  return authentication.caller;
}

function json(
  status: number,
  request: ServiceRequest,
  body: Json,
  outcome: ServiceResponse['outcome'],
): ServiceResponse {
  return {
    status,
    headers: {
      'content-type': 'application/json',
      ...(outcome.errorCode === undefined ? {} : { 'x-amzn-errortype': outcome.errorCode }),
      'x-amzn-requestid': request.requestId,
    },
    body: JSON.stringify(body),
    outcome,
  };
}

function readBody(bytes: Uint8Array): Json {
  if (bytes.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    throw new AwsError('SerializationException', 'The request body is not JSON.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new AwsError('SerializationException', 'The request body is not a JSON object.');
  return value as Json;
}

function without(body: Json, secrets: readonly string[] = []): Json {
  return Object.fromEntries(Object.entries(body).filter(([member]) => !secrets.includes(member)));
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

// Functions that read a member of a body: one function for each type of member.

/** @throws AwsError InvalidParameterException */
export function textMember(body: Json, member: string): string {
  const value = optionalTextMember(body, member);
  if (value === undefined) throw invalidParameter(`${member} can't be null!`);
  return value;
}

export function optionalTextMember(body: Json, member: string): string | undefined {
  const value = body[member];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw invalidParameter(`${member} must be a string`);
  return value;
}

export function optionalFlagMember(body: Json, member: string): boolean | undefined {
  const value = body[member];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'boolean') throw invalidParameter(`${member} must be a boolean`);
  return value;
}

export const invalidParameter = (message: string): AwsError =>
  new AwsError('InvalidParameterException', message);

/**
 * Returns one page of items with unique keys, in the given order. The page token is the last key of the previous page.
 */
export function pageOf<T>(
  all: readonly (readonly [string, T])[],
  query: URLSearchParams,
): { readonly items: readonly T[]; readonly nextToken: string | undefined } {
  const after = query.get('nextToken');
  const size = readMaxResults(query.get('maxResults'));
  const sorted = [...all].sort(([left], [right]) => (left < right ? -1 : 1));
  const last = after === null ? undefined : decodeToken(after);
  const rest = last === undefined ? sorted : sorted.filter(([key]) => key > last);
  const page = rest.slice(0, size);
  const end = page.at(-1);
  return {
    items: page.map(([, item]) => item),
    nextToken: rest.length > size && end !== undefined ? encodeToken(end[0]) : undefined,
  };
}

function readMaxResults(text: string | null): number {
  if (text === null) return 100;
  const size = Number(text);
  if (!Number.isInteger(size) || size < 1 || size > 100)
    throw invalidParameter('maxResults must be between 1 and 100');
  return size;
}

const encodeToken = (name: string): string => Buffer.from(name).toString('base64url');
function decodeToken(token: string): string {
  const name = Buffer.from(token, 'base64url').toString('utf8');
  if (name === '' || encodeToken(name) !== token) throw invalidParameter('The nextToken is not valid.');
  return name;
}
