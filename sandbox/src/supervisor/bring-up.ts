/** Starts the parts of the sandbox, as concurrently as their dependencies allow. */
import { copyFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createKubeClient, type Random, staticConnection } from '../../../src/kube/index.ts';
import { sandboxBinaries } from '../binaries/parts.ts';
import { resolveBinaries } from '../binaries/resolve.ts';
import { type CertificateAuthority, createCertificateAuthority } from '../cluster/certificates.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { baseEnvironment } from '../environment.ts';
import { kubeletClient } from '../kubelet/front.ts';
import { reservePorts } from '../processes/ports.ts';
import { createAwsUsers, startAws } from './aws-part.ts';
import type { Binaries, BringUpOptions, Ports } from './options.ts';
import { together } from './together.ts';
import { startWorkloadParts } from './workload-parts.ts';

export async function bringUp(options: BringUpOptions): Promise<void> {
  const { paths, settings, env, now, monotonic, random, report, watchdog, signal, onStep } = options;
  const binaries = await resolveBinaries(sandboxBinaries, {
    env,
    now: monotonic,
    report,
    watchdog,
    signal,
  });
  onStep('binaries');
  const reservation = await reservePorts(7, random);
  options.onCleanup(() => reservation.release());
  const [etcd = 0, apiServer = 0, aws = 0, webhook = 0, operator = 0, kubelet = 0, kwok = 0] =
    reservation.ports;
  const ports: Ports = { etcd, apiServer, aws, webhook, operator, kubelet, kwok };
  const issuer = `https://oidc.eks.${settings.region}.amazonaws.com/id/${issuerId(random)}`;
  await symlink(binaries.kubectl.path, join(paths.bin, 'kubectl'));

  const users = createAwsUsers();
  const server = `https://127.0.0.1:${apiServer}`;
  options.onFacts({
    name: settings.name,
    region: settings.region,
    accountId: settings.accountId,
    issuer,
    server,
    kubeconfig: paths.kubeconfig,
    kubectl: binaries.kubectl.path,
    awsEndpoint: `http://127.0.0.1:${aws}`,
    credentials: users.administrator,
    nodeCredentials: users.node,
  });
  const authority = await createCertificateAuthority(`kon-${settings.name}`, now());
  const emulator = {
    port: aws,
    issuer,
    users,
    server,
    kubernetesVersion: binaries['kube-apiserver'].version,
    caCertificate: authority.certificate,
    caFile: join(paths.run, 'ca.crt'),
  };
  const [plane] = await together(signal, (signal) => [
    startApiServer({ ...options, signal }, { binaries, ports, issuer, authority }),
    startAws({ ...options, signal }, emulator).then(() => onStep('aws')),
  ]);
  const client = createKubeClient(
    staticConnection({
      server: plane.server,
      tls: { ca: authority.certificate, cert: plane.admin.certificate, key: plane.admin.key },
    }),
    { userAgent: 'kon-sandbox', qps: 1000, burst: 1000, random },
  );
  options.onCleanup(() => client.close());
  await startWorkloadParts(options, { binaries, ports, authority, plane, client, users });
}

async function startApiServer(
  options: BringUpOptions,
  given: {
    readonly binaries: Binaries;
    readonly ports: Ports;
    readonly issuer: string;
    readonly authority: CertificateAuthority;
  },
): Promise<ControlPlane> {
  const { paths, settings, env, watchdog, signal, parts } = options;
  const { binaries, ports, issuer, authority } = given;
  const plane = await startControlPlane(
    {
      binaries: { etcd: binaries.etcd.path, 'kube-apiserver': binaries['kube-apiserver'].path },
      folder: paths.run,
      logs: paths.logs,
      ports,
      authority,
      issuer,
      name: `kon-${settings.name}`,
      env: baseEnvironment(env),
      watchdog,
      serviceAccountAdmission: true,
      audit: true,
      kubeletClient,
      signal,
    },
    (name, child) => parts.adopt(name, binaries[name].version, child),
  );
  await copyFile(plane.kubeconfig, paths.kubeconfig);
  options.onStep('api-server');
  return plane;
}

/** Returns a random id of 32 hexadecimal digits, as EKS generates them for issuers. */
function issuerId(random: Random): string {
  return Array.from({ length: 32 }, () => '0123456789ABCDEF'[Math.floor(random() * 16)]).join('');
}
