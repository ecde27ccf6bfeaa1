/**
 * A service of the Query protocol (IAM, STS), defined by a table of actions. Name, parameters, permission and effect of
 * an action are data, so authorization, journal, faults and documentation share the table.
 */
import type { Requirement } from '../authorise.ts';
import { authorise } from '../authorise.ts';
import type { QueryParameters } from './query.ts';
import { parseQueryParameters } from './query.ts';
import { queryRefusals, refusalError } from './refusals.ts';
import type { Caller, Service, ServiceRequest, ServiceResponse } from './service.ts';
import { AwsError } from './service.ts';
import type { InputOf, Shape } from './shape.ts';
import { parseInput } from './shape.ts';
import type { XmlValue } from './xml.ts';
import { escapeXml, renderXml } from './xml.ts';

/** Content of `<…Result>` in the response; undefined if the API defines no result. */
export type QueryResult = { readonly [element: string]: XmlValue } | undefined;

export type SignedCall = { readonly caller: Caller; readonly request: ServiceRequest };
/** A call that needs no signature, which is possible only for a few actions. */
export type UnsignedCall = { readonly caller?: undefined; readonly request: ServiceRequest };

export type QueryAction<Env> = {
  readonly name: string;
  readonly access: 'read' | 'write';
  /** Names of parameters that must not appear in the journal. */
  readonly secrets: readonly string[];
  /** @throws AwsError for invalid parameters */
  readonly prepare: (parameters: QueryParameters, env: Env) => PreparedCall;
};

type PreparedCall = {
  /** ARN of the call's resource. */
  readonly resource: string;
} & BoundCall;

/** Functions of one call, already bound to the parsed input and the environment. */
type BoundCall =
  | {
      readonly signed: true;
      readonly requirements: (call: SignedCall) => readonly Requirement[];
      readonly run: (call: SignedCall) => QueryResult | Promise<QueryResult>;
    }
  | { readonly signed: false; readonly run: (call: UnsignedCall) => QueryResult | Promise<QueryResult> };

type Definition<Env, S extends Shape> = {
  readonly name: string;
  readonly access: 'read' | 'write';
  readonly secrets?: readonly string[];
  readonly input: S;
  readonly resource: (input: InputOf<S>, env: Env) => string;
};

export function signedAction<Env, S extends Shape>(
  definition: Definition<Env, S> & {
    /** Permissions that the call needs; empty if every caller is allowed. */
    readonly requirements: (input: InputOf<S>, env: Env, call: SignedCall) => readonly Requirement[];
    readonly run: (input: InputOf<S>, env: Env, call: SignedCall) => QueryResult | Promise<QueryResult>;
  },
): QueryAction<Env> {
  return queryAction(definition, (input, env) => ({
    signed: true,
    requirements: (call) => definition.requirements(input, env, call),
    run: (call) => definition.run(input, env, call),
  }));
}

export function unsignedAction<Env, S extends Shape>(
  definition: Definition<Env, S> & {
    readonly run: (input: InputOf<S>, env: Env, call: UnsignedCall) => QueryResult | Promise<QueryResult>;
  },
): QueryAction<Env> {
  return queryAction(definition, (input, env) => ({
    signed: false,
    run: (call) => definition.run(input, env, call),
  }));
}

function queryAction<Env, S extends Shape>(
  definition: Definition<Env, S>,
  bind: (input: InputOf<S>, env: Env) => BoundCall,
): QueryAction<Env> {
  return {
    name: definition.name,
    access: definition.access,
    secrets: definition.secrets ?? [],
    prepare: (parameters, env) => {
      const input = parseInput(definition.input, parameters);
      return { resource: definition.resource(input, env), ...bind(input, env) };
    },
  };
}

export type QueryServiceOptions<Env> = {
  /** Version of the API, for example `2010-05-08`. */
  readonly version: string;
  readonly namespace: string;
  readonly actions: readonly QueryAction<Env>[];
  readonly env: Env;
  /**
   * Returns a number that increases with every change of state. The service uses the number to detect calls that change
   * state.
   */
  readonly revision: () => number;
};

export function createQueryService<Env>(options: QueryServiceOptions<Env>): Service {
  const actions = new Map(options.actions.map((action) => [action.name, action]));
  return async (request) => {
    try {
      const form = readForm(request);
      const name = form.get('Action') ?? '';
      const result = await perform(actions.get(name), name, form, request, options);
      return success(name, result, request, options);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      return failure(error, request, options);
    }
  };

  function success(
    name: string,
    performed: { readonly result: QueryResult; readonly changed: boolean },
    request: ServiceRequest,
    { namespace }: QueryServiceOptions<Env>,
  ): ServiceResponse {
    const { result, changed } = performed;
    const content = result === undefined ? '' : `<${name}Result>${renderXml(result)}</${name}Result>`;
    return {
      status: 200,
      headers: { 'content-type': 'text/xml' },
      body: `<${name}Response xmlns="${namespace}">${content}<ResponseMetadata><RequestId>${request.requestId}</RequestId></ResponseMetadata></${name}Response>`,
      outcome: { changed },
    };
  }
}

async function perform<Env>(
  action: QueryAction<Env> | undefined,
  name: string,
  form: URLSearchParams,
  request: ServiceRequest,
  options: QueryServiceOptions<Env>,
): Promise<{ result: QueryResult; changed: boolean }> {
  const { Action: _action, Version: version = options.version, ...parameters } = parseQueryParameters(form);
  if (action === undefined || version !== options.version) {
    await request.admit({ action: name, resource: '*', parameters: {} });
    throw new AwsError(
      'InvalidAction',
      `Could not find operation ${name} for version ${typeof version === 'string' ? version : options.version}`,
    );
  }
  const journalled = withoutSecrets(parameters, action.secrets);
  let prepared: PreparedCall;
  try {
    prepared = action.prepare(parameters, options.env);
  } catch (error) {
    await request.admit({ action: name, resource: '*', parameters: journalled });
    // An unauthenticated caller gets the error of the authentication, and no information about the parameters.
    const { authentication } = request;
    throw authentication.kind === 'failed' ? refusalError(authentication, queryRefusals) : error;
  }
  await request.admit({ action: name, resource: prepared.resource, parameters: journalled });
  // The revision is read after the injected latency, so that changes by concurrent calls do not count as changes by
  // this call.
  const revision = options.revision();
  if (!prepared.signed) return { result: await prepared.run({ request }), changed: false };

  const { authentication } = request;
  if (authentication.kind !== 'authenticated') throw refusalError(authentication, queryRefusals);
  const call: SignedCall = { caller: authentication.caller, request };
  for (const requirement of prepared.requirements(call)) {
    authorise(call.caller, requirement, request.context);
  }
  const result = prepared.run(call);
  const changed = options.revision() !== revision;
  return { result: await result, changed };
}

function withoutSecrets(parameters: QueryParameters, secrets: readonly string[]): QueryParameters {
  if (secrets.length === 0) return parameters;
  return Object.fromEntries(Object.entries(parameters).filter(([name]) => !secrets.includes(name)));
}

function readForm(request: ServiceRequest): URLSearchParams {
  if (request.method === 'GET') return request.query;
  const form = new URLSearchParams(Buffer.from(request.body).toString('utf8'));
  return form.has('Action') ? form : request.query;
}

function failure<Env>(
  error: AwsError,
  request: ServiceRequest,
  { namespace }: QueryServiceOptions<Env>,
): ServiceResponse {
  const type = error.status >= 500 ? 'Receiver' : 'Sender';
  return {
    status: error.status,
    headers: { 'content-type': 'text/xml' },
    body: `<ErrorResponse xmlns="${namespace}"><Error><Type>${type}</Type><Code>${escapeXml(error.code)}</Code><Message>${escapeXml(error.message)}</Message></Error><RequestId>${request.requestId}</RequestId></ErrorResponse>`,
    // A failed action has changed nothing, because actions validate everything before they write.
    outcome: { errorCode: error.code, changed: false },
  };
}
