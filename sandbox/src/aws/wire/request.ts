/** Reads a request unchanged, as sent by the client, and determines its service. */
import type { IncomingMessage } from 'node:http';
import type { ServiceName } from './service.ts';
import type { ParsedSignature, SignedRequest } from './sigv4.ts';

/** Maximum size of a request body, which is large enough for any object in a sandbox. */
const maxBodyBytes = 64 * 1024 * 1024;

/** Returns undefined if the body is larger than the emulator accepts. */
export async function readRequest(incoming: IncomingMessage): Promise<SignedRequest | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) return undefined;
    chunks.push(chunk);
  }
  const target = incoming.url ?? '/';
  const question = target.indexOf('?');
  return {
    method: incoming.method ?? 'GET',
    path: question < 0 ? target : target.slice(0, question),
    rawQuery: question < 0 ? '' : target.slice(question + 1),
    headers: readHeaders(incoming.rawHeaders),
    body: chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks),
  };
}

/**
 * Joins all values of each header in order, separated by commas, because signatures cover all values. Node's own
 * `headers` omits some values.
 */
function readHeaders(raw: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase();
    const value = raw[index + 1] ?? '';
    headers[name] = headers[name] === undefined ? value : `${headers[name]},${value}`;
  }
  return headers;
}

const services: readonly ServiceName[] = ['iam', 'sts', 'eks', 'eks-auth', 's3'];

/**
 * Determines the service of a request. A signed request names the service in the scope of its signature. An unsigned
 * request is recognized by its form: an action of the Query protocol, a path of the EKS API, or otherwise a request for
 * an S3 object. Returns undefined for a service that the emulator does not support.
 */
export function serviceOf(
  request: SignedRequest,
  parsed: ParsedSignature,
  serviceOfAction: (action: string) => ServiceName | undefined,
): ServiceName | undefined {
  if (parsed.kind === 'signature') return services.find((name) => name === parsed.signature.service);
  const action = new URLSearchParams(request.rawQuery).get('Action') ?? formAction(request);
  // STS accepts unsigned calls, and responds to unknown actions with an error.
  if (action !== undefined) return serviceOfAction(action) ?? 'sts';
  if (request.path.startsWith('/clusters/') && request.path.endsWith('/assume-role-for-pod-identity'))
    return 'eks-auth';
  return request.path === '/clusters' || request.path.startsWith('/clusters/') ? 'eks' : 's3';
}

function formAction(request: SignedRequest): string | undefined {
  if (!request.headers['content-type']?.startsWith('application/x-www-form-urlencoded')) return undefined;
  return new URLSearchParams(Buffer.from(request.body).toString('utf8')).get('Action') ?? undefined;
}
