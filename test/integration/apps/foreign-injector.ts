/** Another project's webhook, which adds a sidecar and an annotation to pods after the pod identity webhook. */
import { createServer } from 'node:https';
import { text } from 'node:stream/consumers';
import { resources, type KubeClient, type KubeObject } from '../../../src/kube/index.ts';
import { createCertificateAuthority } from '../../../sandbox/src/cluster/certificates.ts';
import { reservePorts } from '../../../sandbox/src/processes/ports.ts';
import { eventually } from './eventually.ts';
import { dryRunPod } from './parts.ts';

/** @param app name of the app whose pods the webhook changes */
export async function startForeignInjector(client: KubeClient, app: string): Promise<() => Promise<void>> {
  const authority = await createCertificateAuthority('injector', Date.now());
  const reservation = await reservePorts(1, Math.random);
  const [port = 0] = reservation.ports;
  const { certificate, key } = await authority.issueServer('injector', ['127.0.0.1']);
  const server = createServer({ cert: certificate, key }, (request, response) => {
    void (async () => {
      const { uid } = (JSON.parse(await text(request)) as { request: { uid: string } }).request;
      const patch = [
        { op: 'add', path: '/spec/containers/0', value: { name: 'sidecar', image: 'example.com/sidecar' } },
        { op: 'add', path: '/metadata/annotations/example.com~1injected', value: 'true' },
      ];
      response.writeHead(200, { 'content-type': 'application/json' }).end(
        JSON.stringify({
          apiVersion: 'admission.k8s.io/v1',
          kind: 'AdmissionReview',
          response: {
            uid,
            allowed: true,
            patchType: 'JSONPatch',
            patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
          },
        }),
      );
    })();
  });
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
  await client.create<KubeObject>(resources.mutatingWebhookConfigurations, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    // The API server calls webhooks in the order of their names, so the pod identity webhook is called first.
    metadata: { name: 'zz-injector' },
    webhooks: [
      {
        name: 'injector.example.com',
        admissionReviewVersions: ['v1'],
        clientConfig: {
          url: `https://127.0.0.1:${port}/`,
          caBundle: Buffer.from(authority.certificate).toString('base64'),
        },
        failurePolicy: 'Fail',
        sideEffects: 'None',
        objectSelector: { matchLabels: { 'k11n.dev/app': app } },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
    ],
  } as KubeObject);
  await eventually('the API server calls the webhook', async () => {
    // The webhook's JSON Patch adds a key to the pod's annotations, which fails unless the pod already has an
    // annotation.
    const metadata = { labels: { 'k11n.dev/app': app }, annotations: { 'example.com/dry-run': 'true' } };
    const pod = await dryRunPod(client, { namespace: 'production', ...metadata });
    return pod.metadata.annotations?.['example.com/injected'] === 'true';
  });
  return async () => {
    await client.delete(resources.mutatingWebhookConfigurations, { name: 'zz-injector' });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    reservation.release();
  };
}
