/**
 * Components that the tests of Apps need besides an API server: real controllers, the sandbox's webhook, and a kubelet
 * without nodes.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  isForbidden,
  isNotFound,
  resources,
  type KubeClient,
  type KubeObject,
} from '../../../src/kube/index.ts';
import { resolveBinaries } from '../../../sandbox/src/binaries/resolve.ts';
import { createCertificateAuthority } from '../../../sandbox/src/cluster/certificates.ts';
import type { Environment } from '../../../sandbox/src/environment.ts';
import { startChild } from '../../../sandbox/src/processes/child.ts';
import { reservePorts } from '../../../sandbox/src/processes/ports.ts';
import { startWatchdog } from '../../../sandbox/src/processes/watchdog.ts';
import { eksDefaults } from '../../../sandbox/src/webhook/mutate.ts';
import { webhookRegistration } from '../../../sandbox/src/webhook/registration.ts';
import { startWebhookServer } from '../../../sandbox/src/webhook/server.ts';
import { monotonicClock } from '../../../src/k8s/testing/clocks.ts';
import { eventually } from './eventually.ts';

/** A Kubernetes object without precise types for its spec and its status. */
export type Loose = KubeObject & { readonly spec?: unknown; readonly status?: unknown };

export async function startControllers(kubeconfig: string, env: Environment): Promise<() => Promise<void>> {
  const watchdog = await startWatchdog();
  const binaries = await resolveBinaries(['kube-controller-manager'], {
    env: process.env,
    now: monotonicClock,
    report: () => undefined,
    watchdog,
  });
  const folder = await mkdtemp(join(tmpdir(), 'kon-test-'));
  const child = await startChild({
    name: 'kube-controller-manager',
    command: binaries['kube-controller-manager'].path,
    args: [
      `--kubeconfig=${kubeconfig}`,
      '--controllers=deployment-controller,replicaset-controller,statefulset-controller,garbage-collector-controller,disruption-controller,resourcequota-controller',
      '--leader-elect=false',
      '--secure-port=0',
    ],
    env,
    logFile: join(folder, 'kube-controller-manager.log'),
    watchdog,
  });
  return async () => {
    await child.stop(0);
    await watchdog.close();
    await rm(folder, { recursive: true, force: true });
  };
}

/** Returns the caches of a webhook that has roles only for these ServiceAccounts, by `namespace/name`. */
export const knowing = (roles: ReadonlyMap<string, string>): WebhookKnowledge => ({
  associated: () => false,
  lookup: async ({ namespace, name }) => {
    const role = roles.get(`${namespace}/${name}`);
    return role === undefined
      ? undefined
      : { metadata: { annotations: { 'eks.amazonaws.com/role-arn': role } } };
  },
});

type WebhookKnowledge = Pick<Parameters<typeof startWebhookServer>[0], 'associated' | 'lookup'>;

export async function startWebhook(
  client: KubeClient,
  knowledge: WebhookKnowledge,
): Promise<() => Promise<void>> {
  const authority = await createCertificateAuthority('webhook', Date.now());
  const reservation = await reservePorts(1, Math.random);
  const [port = 0] = reservation.ports;
  const server = await startWebhookServer({
    port,
    tls: await authority.issueServer('webhook', ['127.0.0.1']),
    config: { ...eksDefaults, region: 'eu-west-1' },
    random: Math.random,
    log: () => undefined,
    ready: () => true,
    ...knowledge,
  });
  const registration = webhookRegistration(port, authority.certificate) as unknown as KubeObject;
  await client.create(resources.mutatingWebhookConfigurations, registration);
  return async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    reservation.release();
  };
}

/**
 * Creates a pod in a dry run. The result shows the webhooks and quotas that the API server applies now. The API server
 * learns of created and deleted webhooks and quotas from watches. Neither the response to a write nor an object's
 * status shows whether it has learned of them.
 */
export function dryRunPod(
  client: KubeClient,
  {
    serviceAccountName = 'default',
    ...metadata
  }: {
    readonly namespace: string;
    readonly serviceAccountName?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  },
): Promise<Loose> {
  const spec = { serviceAccountName, containers: [{ name: 'main', image: 'example.com/web' }] };
  const pod: Loose = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'dry-run', ...metadata }, spec };
  return client.create<Loose>(resources.pods, pod, { dryRun: true });
}

/** Waits until the API server refuses another pod in the namespace because of a ResourceQuota. */
export async function untilQuotaRefuses(client: KubeClient, namespace: string): Promise<void> {
  await eventually(`a quota refuses pods in ${namespace}`, async () => {
    try {
      await dryRunPod(client, { namespace });
      return false;
    } catch (error) {
      if (isForbidden(error) && error.message.includes('exceeded quota')) return true;
      throw error;
    }
  });
}

/**
 * Makes every pod ready as soon as it appears, except pods with broken images: the image cannot be pulled, or the
 * container exits immediately.
 */
export async function playKubelet(
  client: KubeClient,
  brokenImages: ReadonlyMap<string, 'missing' | 'crashing'>,
  signal: AbortSignal,
): Promise<void> {
  try {
    while (!signal.aborted)
      for await (const event of client.watch<Loose>(resources.pods, { signal })) {
        if (event.type !== 'ADDED') continue;
        const { name, namespace } = event.object.metadata;
        const [container] = (event.object.spec as { containers: { name: string; image: string }[] })
          .containers;
        if (!container) continue;
        const fault = brokenImages.get(container.image);
        const broken = fault !== undefined;
        const waiting =
          fault === 'crashing'
            ? { reason: 'CrashLoopBackOff', message: 'back-off 10s restarting failed container' }
            : { reason: 'ImagePullBackOff', message: 'no such tag' };
        const ended = {
          reason: 'Error',
          exitCode: 3,
          message: 'no database',
          startedAt: '2026-01-01T00:00:00Z',
          finishedAt: '2026-01-01T00:00:01Z',
          containerID: 'test://1',
        };
        const status = {
          phase: broken ? 'Pending' : 'Running',
          conditions: [{ type: 'Ready', status: broken ? 'False' : 'True' }],
          containerStatuses: [
            {
              name: container.name,
              image: container.image,
              imageID: '',
              ready: !broken,
              restartCount: fault === 'crashing' ? 4 : 0,
              ...(broken ? { state: { waiting } } : {}),
              ...(fault === 'crashing' ? { lastState: { terminated: ended } } : {}),
            },
          ],
        };
        await client
          .patch(resources.pods, { name, namespace }, { status }, { type: 'merge', subresource: 'status' })
          .catch((error: unknown) => {
            if (!isNotFound(error) && !signal.aborted) throw error;
          });
      }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
