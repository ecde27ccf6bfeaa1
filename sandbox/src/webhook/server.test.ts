import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { request } from 'node:https';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createCertificateAuthority } from '../cluster/certificates.ts';
import { eksDefaults, type ServiceAccount } from './mutate.ts';
import { startWebhookServer } from './server.ts';

let server: Server;
let ca: string;
let lines: string[];
let ready: boolean;
const accounts = new Map<string, ServiceAccount>([
  [
    'production/linked',
    { metadata: { annotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/r' } } },
  ],
  ['production/plain', {}],
]);

beforeEach(async () => {
  lines = [];
  ready = true;
  const authority = await createCertificateAuthority('test', Date.now());
  ca = authority.certificate;
  server = await startWebhookServer({
    port: 0,
    tls: await authority.issueServer('webhook', ['127.0.0.1']),
    lookup: ({ namespace, name }) => Promise.resolve(accounts.get(`${namespace}/${name}`)),
    config: { region: 'eu-west-1', ...eksDefaults },
    associated: ({ name }) => name === 'associated',
    random: Math.random,
    log: (line) => lines.push(line),
    ready: () => ready,
  });
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function call(
  method: string,
  path: string,
  body?: string,
  contentType = 'application/json',
): Promise<{ status: number | undefined; body: string }> {
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port, ca, method, path, headers: { 'content-type': contentType } },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.on('end', () => resolve({ status: response.statusCode, body: text }));
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

const reviewType = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' };
const review = (serviceAccountName: string | undefined): string =>
  JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'a-uid',
      namespace: 'production',
      object: {
        metadata: { generateName: 'myapp-' },
        spec: { serviceAccountName, containers: [{ name: 'app', image: 'app:1' }] },
      },
    },
  });

test('a pod of a ServiceAccount with a role gets a JSON patch', async () => {
  const { status, body } = await call('POST', '/mutate', review('linked'));
  expect(status).toBe(200);
  const answer = JSON.parse(body) as { response: { patch: string } };
  expect(answer).toEqual({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: { uid: 'a-uid', allowed: true, patchType: 'JSONPatch', patch: expect.any(String) as string },
  });
  const patch = JSON.parse(Buffer.from(answer.response.patch, 'base64').toString()) as object[];
  expect(patch).toContainEqual(expect.objectContaining({ op: 'add', path: '/spec/containers' }));
  // The webhook preserves container fields that its schema does not contain.
  expect(JSON.stringify(patch)).toContain('"image":"app:1"');
  expect(lines).toEqual(['pod production/myapp-* of ServiceAccount linked: injected']);
});

test.each([
  ['plain', 'no role, left'],
  ['unheard-of', 'unknown ServiceAccount, left'],
  [undefined, 'unknown ServiceAccount, left'],
])('a pod of the ServiceAccount %s stays unchanged', async (name, outcome) => {
  const { status, body } = await call('POST', '/mutate', review(name));
  expect(status).toBe(200);
  expect(JSON.parse(body)).toMatchObject({ response: { uid: 'a-uid', allowed: true } });
  expect(body).not.toContain('patch');
  expect(lines).toEqual([`pod production/myapp-* of ServiceAccount ${name ?? ''}: ${outcome}`]);
});

test.each([
  ['GET', '/mutate', undefined, 'application/json', 404],
  ['POST', '/elsewhere', '{}', 'application/json', 404],
  ['POST', '/mutate', review('linked'), 'text/plain', 415],
  ['POST', '/mutate', ' '.repeat(5 * 1024 * 1024), 'application/json', 413],
])('an invalid request %s %s is refused', async (method, path, body, contentType, status) => {
  expect((await call(method, path, body, contentType)).status).toBe(status);
});

test.each([
  ['a body that is not JSON', 'not JSON', {}, ''],
  ['a body that is not a review', '"text"', {}, ''],
  [
    'a review without a request',
    '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}',
    reviewType,
    '',
  ],
  ['a review without a pod', review('linked').replace('"containers"', '"others"'), reviewType, 'a-uid'],
])('%s is refused in a review response with the HTTP status 200', async (_name, sent, type, uid) => {
  const { status, body } = await call('POST', '/mutate', sent);
  expect(status).toBe(200);
  expect(JSON.parse(body)).toEqual({
    ...type,
    response: { uid, allowed: false, status: { metadata: {}, message: expect.any(String) as string } },
  });
});

test('the server is healthy once ServiceAccounts are cached', async () => {
  ready = false;
  expect((await call('GET', '/healthz')).status).toBe(503);
  ready = true;
  expect((await call('GET', '/healthz')).status).toBe(200);
});

test('a pod of a ServiceAccount with an association is mutated even if the ServiceAccount is not cached', async () => {
  const { body } = await call('POST', '/mutate', review('associated'));
  const { patch } = (JSON.parse(body) as { response: { patch: string } }).response;
  expect(Buffer.from(patch, 'base64').toString()).toContain('AWS_CONTAINER_CREDENTIALS_FULL_URI');
  expect(lines).toEqual(['pod production/myapp-* of ServiceAccount associated: injected by association']);
});
