/**
 * A real API server with its etcd for one test file, and nothing else: without a controller manager, no namespace gets
 * a `default` ServiceAccount, nothing is garbage collected, and no Deployment creates pods. Starting takes about three
 * seconds.
 *
 *     const cluster = await startControlPlane();   // in beforeAll
 *     await cluster.stop();                        // in afterAll
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { resolveBinaries } from '../../sandbox/src/binaries/resolve.ts';
import { createCertificateAuthority } from '../../sandbox/src/cluster/certificates.ts';
import { startControlPlane as start } from '../../sandbox/src/cluster/control-plane.ts';
import { baseEnvironment } from '../../sandbox/src/environment.ts';
import type { Child } from '../../sandbox/src/processes/child.ts';
import { reservePorts } from '../../sandbox/src/processes/ports.ts';
import { startWatchdog } from '../../sandbox/src/processes/watchdog.ts';
import { connectEtcd, type Etcd } from './etcd.ts';
import { eventually } from './eventually.ts';
import { testedApiServer } from './kubernetes-version.ts';
import { monotonicClock } from '../../src/k8s/testing/clocks.ts';

export type TestControlPlane = {
  /** `https://127.0.0.1:PORT` */
  readonly server: string;
  /** Path of a kubeconfig for a member of `system:masters`, who may impersonate any user. */
  readonly kubeconfig: string;
  /** Path of kubectl. */
  readonly kubectlPath: string;
  /** The CA certificate, as PEM. */
  readonly caCertificate: string;
  readonly issuer: string;
  /** Writes a kubeconfig for another user, and returns its path. */
  userKubeconfig(user: string, groups?: readonly string[]): Promise<string>;
  /** Runs kubectl as the administrator with `input` on its stdin. Resolves with stdout, or rejects with stderr. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** Path of the API server's log. */
  readonly log: string;
  /** Connects to the API server's etcd. The caller closes the connection. */
  etcd(): Promise<Etcd>;
  stop(): Promise<void>;
};

export type TestControlPlaneOptions = {
  /**
   * Whether the API server writes an audit log. Logging a small request takes as long as responding to it. Default:
   * true.
   */
  readonly audit?: boolean;
  /**
   * Whether API server and etcd may use several times the memory that their data needs, so that they rarely run garbage
   * collection.
   */
  readonly plentyOfMemory?: boolean;
  /** Token issuer; a second cluster that runs at the same time needs an issuer of its own. */
  readonly issuer?: string;
};

/**
 * Waits until kubectl finds the kinds of these CRDs. The API server announces a kind some moments after the CRD is
 * Established.
 */
export async function untilServed(
  { kubectl }: Pick<TestControlPlane, 'kubectl'>,
  crds: readonly { readonly metadata: { readonly name: string } }[],
): Promise<void> {
  for (const { metadata } of crds)
    await eventually(`${metadata.name} to be served`, () =>
      kubectl(['get', metadata.name]).catch(() => undefined),
    );
}

/**
 * Waits until RBAC permits each of the user's requests, for example `list pods -n staging`. The API server enforces a
 * binding some moments after its creation.
 */
export async function untilPermitted(
  { kubectl }: Pick<TestControlPlane, 'kubectl'>,
  user: string,
  ...requests: readonly string[]
): Promise<void> {
  for (const request of requests)
    await eventually(`${user} to be permitted: ${request}`, () =>
      // kubectl exits with code 1 if the answer is no.
      kubectl(['auth', 'can-i', ...request.split(' '), '--as', user]).catch(() => undefined),
    );
}

export async function startControlPlane(options: TestControlPlaneOptions = {}): Promise<TestControlPlane> {
  const env = baseEnvironment(process.env);
  const watchdog = await startWatchdog();
  const { binary: apiServerBinary, limitAnonymous } = testedApiServer(process.env);
  const binaries = await resolveBinaries(['etcd', apiServerBinary, 'kubectl'], {
    env: process.env,
    now: monotonicClock,
    report: () => undefined,
    watchdog,
  });
  const folder = await mkdtemp(join(tmpdir(), 'kon-test-'));
  const reservation = await reservePorts(2, Math.random);
  const [etcd = 0, apiServer = 0] = reservation.ports;
  const children: Child[] = [];
  const issuer =
    options.issuer ?? 'https://oidc.eks.eu-west-1.amazonaws.com/id/5F3C6B1E8A2D4C7F9B0E1A2B3C4D5E6F';
  const stop = async (): Promise<void> => {
    // The data is thrown away, so an orderly shutdown, which takes seconds, is not needed.
    await Promise.all(children.map((child) => child.stop(0)));
    await watchdog.close();
    reservation.release();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const authority = await createCertificateAuthority('kon-test', Date.now());
    const plane = await start(
      {
        binaries: { etcd: binaries.etcd.path, 'kube-apiserver': binaries[apiServerBinary].path },
        folder,
        logs: folder,
        ports: { etcd, apiServer },
        issuer,
        name: 'test',
        authority,
        env: options.plentyOfMemory === true ? { ...env, GOGC: '400' } : env,
        watchdog,
        serviceAccountAdmission: false,
        audit: options.audit ?? true,
        limitAnonymous,
      },
      (_name, child) => children.push(child),
    );
    return {
      server: plane.server,
      kubeconfig: plane.kubeconfig,
      kubectlPath: binaries.kubectl.path,
      caCertificate: authority.certificate,
      issuer,
      userKubeconfig: (user, groups = []) => plane.writeKubeconfig(`${user}.kubeconfig`, user, groups),
      kubectl: async (args, input) => {
        const run = promisify(execFile)(binaries.kubectl.path, ['--kubeconfig', plane.kubeconfig, ...args], {
          env: { ...env, HOME: folder },
          maxBuffer: 64 * 1024 * 1024,
        });
        run.child.stdin?.end(input ?? '');
        return (await run).stdout;
      },
      log: plane.children.apiServer.logFile,
      etcd: () => connectEtcd(folder, etcd),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
