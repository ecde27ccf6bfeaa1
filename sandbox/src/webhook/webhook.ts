/** The webhook as a process: runs its watch and its server until it is stopped. */
import { readFile } from 'node:fs/promises';
import {
  type Connection,
  createInformer,
  createKubeClient,
  type Random,
  resources,
  systemTimer,
} from '../../../src/kube/index.ts';
import { followAssociations } from './associations.ts';
import { eksDefaults } from './mutate.ts';
import { startWebhookServer } from './server.ts';
import { lookupThroughCache } from './service-accounts.ts';
import type { Monotonic } from '../../../src/k8s/time.ts';

export type WebhookOptions = {
  readonly port: number;
  /** Paths of the PEM files with the server's certificate and key. */
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Connection to the API server whose ServiceAccounts are watched. */
  readonly connection: Connection;
  readonly region: string;
  /** URL of the list of ServiceAccounts that have a Pod Identity association (default: no associations). */
  readonly associationsUrl: string | undefined;
  /** Returns the current monotonic time in milliseconds. */
  readonly now: () => Monotonic;
  readonly random: Random;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
};

/** Runs the webhook until `signal` is aborted. */
export async function runWebhook(options: WebhookOptions): Promise<void> {
  const { signal, now, random } = options;
  const client = createKubeClient(options.connection, { userAgent: 'pod-identity-webhook', random });
  const informer = createInformer({
    client,
    resource: resources.serviceAccounts,
    now,
    random,
  });
  const [certificate, key] = await Promise.all([
    readFile(options.certificateFile, 'utf8'),
    readFile(options.keyFile, 'utf8'),
  ]);
  const associations = followAssociations({
    url: options.associationsUrl,
    setTimer: systemTimer,
    log: options.log,
    signal,
  });
  const server = await startWebhookServer({
    port: options.port,
    tls: { certificate, key },
    lookup: lookupThroughCache({ informer, client, setTimer: systemTimer }),
    config: { region: options.region, ...eksDefaults },
    associated: (ref) => associations.has(ref),
    random,
    log: options.log,
    ready: () => informer.hasSynced() && associations.known(),
  });
  try {
    await informer.start(signal);
  } finally {
    server.closeAllConnections();
    server.close();
    await client.close();
  }
}
