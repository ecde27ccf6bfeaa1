/**
 * Processes one call: verifies the signature, injects faults, calls the service, records the call and sends the
 * response.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { iamRegionOf, partitionOfRegion } from '../../../src/api/partitions.ts';
import type { Account } from './account.ts';
import type { Admin } from './admin.ts';
import { adminPrefix } from './admin.ts';
import type { CallFault, Faults } from './faults/faults.ts';
import type { Identifiers } from './identifiers.ts';
import type { InjectedFault, Journal } from './journal.ts';
import type { RequestContext } from '../../../src/policy/model.ts';
import { readRequest, serviceOf } from './wire/request.ts';
import type {
  Authentication,
  CallDescription,
  ServiceName,
  ServiceRequest,
  ServiceResponse,
} from './wire/service.ts';
import type { ParsedSignature, SignedRequest } from './wire/sigv4.ts';
import { parseSignature } from './wire/sigv4.ts';
import type { Wall } from '../../../src/k8s/time.ts';

export type HandlerOptions = {
  readonly account: Account;
  readonly admin: Admin;
  readonly identifiers: Identifiers;
  readonly faults: Faults;
  readonly journal: Journal;
  readonly region: string;
  readonly now: () => Wall;
  readonly onError: (error: unknown) => void;
};

export type Handler = (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>;

/** An injected fault that closes the connection without a response. */
class ConnectionDropped extends Error {}

export function createHandler(options: HandlerOptions): Handler {
  return async (incoming, outgoing) => {
    const wire = await readRequest(incoming);
    if (wire === undefined) {
      sendText(outgoing, 413, 'The request body is larger than the emulator accepts.');
      return;
    }
    if (wire.path.startsWith(adminPrefix)) {
      const { status, body } = options.admin(wire);
      send(outgoing, status, { 'content-type': 'application/json' }, JSON.stringify(body), true);
      return;
    }
    const parsed = parseSignature(wire);
    const service = serviceOf(wire, parsed, options.account.serviceOfAction);
    if (service === undefined) {
      sendText(
        outgoing,
        404,
        'The emulator supports only IAM, STS, EKS, EKS Auth and S3. This request is for another service.',
      );
      return;
    }
    await answer(wire, parsed, service, incoming, outgoing, options);
  };
}

async function answer(
  wire: SignedRequest,
  parsed: ParsedSignature,
  service: ServiceName,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  options: HandlerOptions,
): Promise<void> {
  const { account, faults, journal, now } = options;
  const arrivedAt = now();
  const call = startCall(wire, parsed, service, incoming, arrivedAt, options);
  const record = (
    status: number,
    outcome: ServiceResponse['outcome'],
    fault: InjectedFault | undefined,
  ): void => {
    const { authentication } = call.request;
    recordAccess(call, service, options.account);
    journal.record({
      time: arrivedAt,
      durationMs: now() - arrivedAt,
      requestId: call.request.requestId,
      service,
      action: call.description?.action ?? '',
      resource: call.description?.resource ?? '*',
      ...(authentication.kind === 'authenticated' ? { caller: authentication.caller.principalArn } : {}),
      parameters: call.description?.parameters ?? {},
      status,
      ...(outcome.errorCode === undefined ? {} : { errorCode: outcome.errorCode }),
      changed: outcome.changed,
      ...(fault === undefined ? {} : { fault }),
    });
  };

  let response: ServiceResponse;
  try {
    response = await account.services[service](call.request);
  } catch (error) {
    if (error instanceof ConnectionDropped) {
      record(0, { changed: false }, 'droppedBeforeCall');
      incoming.socket.destroy();
      return;
    }
    options.onError(error);
    record(500, { errorCode: 'EmulatorFault', changed: false }, undefined);
    sendText(
      outgoing,
      500,
      'The AWS emulator failed because of an internal error. Its log describes the error.',
    );
    return;
  }
  const lost = call.injected?.drop === 'afterCall' || (response.outcome.changed && faults.losesResponse());
  record(response.status, response.outcome, lost ? 'responseLost' : call.injected?.fault);
  if (lost) {
    incoming.socket.destroy();
    return;
  }
  const headers = { 'x-amzn-requestid': call.request.requestId, ...response.headers };
  send(outgoing, response.status, headers, response.body, wire.method !== 'HEAD');
}

/** Records a call that a role session attempted, for IAM's last accessed information. */
function recordAccess({ request, description }: Call, service: ServiceName, { state }: Account): void {
  const { authentication, now: time, region } = request;
  if (authentication.kind !== 'authenticated' || authentication.caller.kind !== 'assumedRole') return;
  if (description === undefined || description.action === '') return;
  const [roleId = ''] = authentication.caller.userId.split(':');
  const action = description.permission ?? `${service}:${description.action}`;
  state.accesses.record(roleId, action, { time, region });
}

type Call = {
  readonly request: ServiceRequest;
  /** Set once the service has identified the call. */
  description: CallDescription | undefined;
  injected: CallFault | undefined;
};

function startCall(
  wire: SignedRequest,
  parsed: ParsedSignature,
  service: ServiceName,
  incoming: IncomingMessage,
  arrivedAt: number,
  options: HandlerOptions,
): Call {
  const { account, faults, identifiers, region, now } = options;
  const { authentication, body, trailers } = account.authenticate(wire, parsed, arrivedAt);
  const scopeRegion = parsed.kind === 'signature' ? parsed.signature.region : region;
  let carriedOutAt = arrivedAt;
  const call: Call = {
    description: undefined,
    injected: undefined,
    request: {
      requestId: identifiers.requestId(),
      get now() {
        return carriedOutAt;
      },
      method: wire.method,
      path: wire.path,
      query: new URLSearchParams(wire.rawQuery),
      headers: wire.headers,
      body,
      trailers,
      region: scopeRegion,
      authentication,
      context: requestContext(wire, service, scopeRegion, incoming, authentication, arrivedAt),
      admit: async (description) => {
        const injected = faults.onCall(service, description, arrivedAt);
        call.description = description;
        call.injected = injected;
        if (injected.latencyMs > 0) {
          await delay(injected.latencyMs);
          carriedOutAt = now();
        }
        if (injected.drop === 'beforeCall') throw new ConnectionDropped();
        if (injected.error) throw injected.error;
      },
    },
  };
  return call;
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html */
function requestContext(
  wire: SignedRequest,
  service: ServiceName,
  region: string,
  incoming: IncomingMessage,
  authentication: Authentication,
  now: number,
): RequestContext {
  return {
    'aws:CurrentTime': new Date(now).toISOString(),
    'aws:EpochTime': String(Math.floor(now / 1000)),
    'aws:RequestedRegion': service === 'iam' ? iamRegionOf(partitionOfRegion(region)) : region,
    'aws:SecureTransport': 'false',
    'aws:SourceIp': incoming.socket.remoteAddress ?? '127.0.0.1',
    'aws:UserAgent': wire.headers['user-agent'] ?? '',
    'aws:ViaAWSService': 'false',
    'aws:PrincipalIsAWSService': 'false',
    ...(authentication.kind === 'authenticated' ? authentication.caller.context : {}),
  };
}

function sendText(outgoing: ServerResponse, status: number, text: string): void {
  send(outgoing, status, { 'content-type': 'text/plain' }, `${text}\n`, true);
}

function send(
  outgoing: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array,
  withBody: boolean,
): void {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const length =
    withBody && status !== 204 && status !== 304 ? { 'content-length': String(bytes.length) } : {};
  outgoing.writeHead(status, { ...length, ...headers });
  outgoing.end(withBody ? bytes : undefined);
}
