/** A control plane that a test can kill, freeze and restart with the same data and port. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveBinaries } from '../../../sandbox/src/binaries/resolve.ts';
import { createCertificateAuthority } from '../../../sandbox/src/cluster/certificates.ts';
import { startControlPlane, type ControlPlane } from '../../../sandbox/src/cluster/control-plane.ts';
import { baseEnvironment } from '../../../sandbox/src/environment.ts';
import type { Child } from '../../../sandbox/src/processes/child.ts';
import { reservePorts } from '../../../sandbox/src/processes/ports.ts';
import { startWatchdog } from '../../../sandbox/src/processes/watchdog.ts';
import { connectEtcd } from '../../support/etcd.ts';
import { testedApiServer } from '../../support/kubernetes-version.ts';
import { monotonicClock } from '../../../src/k8s/testing/clocks.ts';

export type RestartableCluster = {
  readonly server: string;
  readonly kubeconfig: string;
  /** PEM texts of the administrator's key pair and of the certificate authority. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  /** Sends SIGKILL to etcd and the API server. */
  kill(): Promise<void>;
  /**
   * Compacts the history of etcd, so that no watch can resume from an earlier resourceVersion once a restart has
   * emptied the API server's cache.
   */
  compact(): Promise<void>;
  /** Starts etcd and the API server again with the stored data. */
  restart(): Promise<void>;
  /**
   * Sends SIGSTOP to the API server, and later SIGCONT: while it is stopped, its connections stay open but carry no
   * data.
   */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
};

export async function startRestartableCluster(): Promise<RestartableCluster> {
  const env = baseEnvironment(process.env);
  const watchdog = await startWatchdog();
  const { binary: apiServerBinary, limitAnonymous } = testedApiServer(process.env);
  const binaries = await resolveBinaries(['etcd', apiServerBinary], {
    env: process.env,
    now: monotonicClock,
    report: () => undefined,
    watchdog,
  });
  const folder = await mkdtemp(join(tmpdir(), 'kon-test-'));
  const reservation = await reservePorts(2, Math.random);
  const [etcd = 0, apiServer = 0] = reservation.ports;
  const authority = await createCertificateAuthority('kon-test', Date.now());
  let children: Child[] = [];
  let plane: ControlPlane;

  const start = async (): Promise<void> => {
    plane = await startControlPlane(
      {
        binaries: { etcd: binaries.etcd.path, 'kube-apiserver': binaries[apiServerBinary].path },
        folder,
        logs: folder,
        ports: { etcd, apiServer },
        issuer: 'https://oidc.eks.eu-west-1.amazonaws.com/id/5F3C6B1E8A2D4C7F9B0E1A2B3C4D5E6F',
        name: 'test',
        authority,
        env,
        watchdog,
        serviceAccountAdmission: false,
        audit: false,
        limitAnonymous,
      },
      (_name, child) => children.push(child),
    );
  };
  const kill = async (): Promise<void> => {
    const killed = children;
    children = [];
    for (const { pid } of killed) process.kill(-pid, 'SIGKILL');
    await Promise.all(killed.map(({ exited }) => exited));
  };
  const stop = async (): Promise<void> => {
    await Promise.all(children.map((child) => child.stop(0)));
    await watchdog.close();
    reservation.release();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    get server() {
      return plane.server;
    },
    get kubeconfig() {
      return plane.kubeconfig;
    },
    tls: {
      ca: await readFile(join(folder, 'ca.crt'), 'utf8'),
      cert: plane!.admin.certificate,
      key: plane!.admin.key,
    },
    kill,
    async compact() {
      const client = await connectEtcd(folder, etcd);
      try {
        await client.compact();
      } finally {
        await client.close();
      }
    },
    restart: start,
    freeze: () => process.kill(plane.children.apiServer.pid, 'SIGSTOP'),
    thaw: () => process.kill(plane.children.apiServer.pid, 'SIGCONT'),
    stop,
  };
}
