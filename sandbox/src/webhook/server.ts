/** HTTPS server of the webhook. It responds to AdmissionReviews. */
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { KeyPair } from '../cluster/certificates.ts';
import type { Random } from '../../../src/kube/index.ts';
import { mutate, type PatchOperation, type Pod, type WebhookConfig } from './mutate.ts';
import type { ServiceAccountLookup, ServiceAccountRef } from './service-accounts.ts';

export type WebhookServerOptions = {
  readonly port: number;
  readonly tls: KeyPair;
  readonly lookup: ServiceAccountLookup;
  readonly config: WebhookConfig;
  /** Whether the webhook's cache contains a Pod Identity association for the ServiceAccount. */
  readonly associated: (ref: ServiceAccountRef) => boolean;
  readonly random: Random;
  /** Called with one line for each pod. */
  readonly log: (line: string) => void;
  /** Whether the webhook's caches are filled. `/healthz` reports this. */
  readonly ready: () => boolean;
};

const container = z.looseObject({
  name: z.string(),
  env: z.array(z.looseObject({ name: z.string() })).optional(),
  volumeMounts: z.array(z.looseObject({ name: z.string(), mountPath: z.string() })).optional(),
});
const annotations = z.record(z.string(), z.string()).optional();

/**
 * Fields of a pod that the webhook reads from an AdmissionReview:
 * https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#request
 */
const pod = z.looseObject({
  metadata: z
    .looseObject({
      name: z.string().optional(),
      generateName: z.string().optional(),
      annotations,
      labels: annotations,
    })
    .default({}),
  spec: z.looseObject({
    serviceAccountName: z.string().optional(),
    containers: z.array(container),
    initContainers: z.array(container).optional(),
    volumes: z.array(z.looseObject({ name: z.string() })).optional(),
    nodeSelector: z.record(z.string(), z.string()).optional(),
  }),
});
const admissionReview = z.object({
  apiVersion: z.string().optional(),
  kind: z.string().optional(),
  request: z.object({ uid: z.string(), namespace: z.string().default(''), object: z.unknown() }).optional(),
});

/** Maximum size of a request body: larger than any object that the API server sends (3 MiB). */
const bodyLimit = 4 * 1024 * 1024;

/** Resolves when the server accepts connections. */
export async function startWebhookServer(options: WebhookServerOptions): Promise<Server> {
  const server = createServer(
    { cert: options.tls.certificate, key: options.tls.key, minVersion: 'TLSv1.2' },
    (request, response) => {
      answer(request, response, options).catch((error: unknown) => {
        options.log(`failed: ${String(error)}`);
        if (!response.headersSent) response.writeHead(500);
        response.end();
      });
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  return server;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: WebhookServerOptions,
): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'https://localhost');
  if (request.method === 'GET' && pathname === '/healthz') {
    response.writeHead(options.ready() ? 200 : 503).end();
    return;
  }
  if (request.method !== 'POST' || pathname !== '/mutate') {
    response.writeHead(404).end();
    return;
  }
  if (request.headers['content-type'] !== 'application/json') {
    response.writeHead(415).end('Invalid Content-Type, expected `application/json`');
    return;
  }
  const body = await readBody(request);
  if (body === undefined) {
    response.writeHead(413).end();
    return;
  }
  const review = await answerReview(parseJson(body), options);
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(review));
}

/** Responds to a review. A malformed review gets status 200 and a denial, as from the real webhook. */
async function answerReview(body: unknown, options: WebhookServerOptions): Promise<object> {
  const review = admissionReview.safeParse(body);
  if (!review.success) return { response: refusal('', z.prettifyError(review.error)) };
  const { request, ...type } = review.data;
  if (request === undefined) return { ...type, response: refusal('', 'bad content') };
  const { uid, namespace, object } = request;
  const parsed = pod.safeParse(object);
  if (!parsed.success) return { ...type, response: refusal(uid, z.prettifyError(parsed.error)) };
  const patch = await reviewPod(namespace, parsed.data, options);
  const patched =
    patch.length === 0
      ? {}
      : { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') };
  return { ...type, response: { uid, allowed: true, ...patched } };
}

const refusal = (uid: string, message: string): object => ({
  uid,
  allowed: false,
  status: { metadata: {}, message },
});

async function reviewPod(
  namespace: string,
  given: z.infer<typeof pod>,
  { lookup, config, associated, random, log }: WebhookServerOptions,
): Promise<readonly PatchOperation[]> {
  const name = given.spec.serviceAccountName ?? '';
  const ref = { namespace, name };
  const byAssociation = associated(ref);
  // The ServiceAccount admission plugin sets the name before the API server calls the webhook, except for mirror pods.
  const account = name === '' ? undefined : await lookup(ref, { wait: !byAssociation });
  const patch = mutate(given as Pod, account, config, byAssociation ? { random } : undefined);
  const podName = given.metadata.name ?? `${given.metadata.generateName ?? ''}*`;
  const outcome = byAssociation
    ? 'injected by association'
    : account === undefined
      ? 'unknown ServiceAccount, left'
      : patch.length === 0
        ? 'no role, left'
        : 'injected';
  log(`pod ${namespace}/${podName} of ServiceAccount ${name}: ${outcome}`);
  return patch;
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > bodyLimit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
