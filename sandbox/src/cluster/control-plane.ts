/**
 * etcd and kube-apiserver, with the same identity settings as EKS: RSA-signed ServiceAccount tokens with an https
 * issuer, a token lifetime of at most a day, and key discovery without credentials.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { join } from 'node:path';
import type { Environment } from '../environment.ts';
import { loopbackRequest } from '../loopback.ts';
import { type Child, startChild } from '../processes/child.ts';
import { untilReady } from '../processes/ready.ts';
import type { Watchdog } from '../processes/watchdog.ts';
import { anonymousDiscovery, auditPolicy } from './api-server-config.ts';
import { type CertificateAuthority, createSigningKey, type KeyPair } from './certificates.ts';
import { renderKubeconfig } from './kubeconfig.ts';

export type ControlPlaneOptions = {
  /** Paths of the programs. */
  readonly binaries: { readonly etcd: string; readonly 'kube-apiserver': string };
  /** Existing folder that no other control plane uses and that only the user can read. */
  readonly folder: string;
  /** Existing folder for the logs of etcd and the API server, and for the audit log. */
  readonly logs: string;
  readonly ports: { readonly etcd: number; readonly apiServer: number };
  /** Issues every certificate of the control plane. */
  readonly authority: CertificateAuthority;
  /** Issuer of ServiceAccount tokens: an https URL, which is the `iss` claim of every token. */
  readonly issuer: string;
  /** Name of the kubeconfig's context. */
  readonly name: string;
  readonly env: Environment;
  readonly watchdog: Watchdog;
  /**
   * Whether the ServiceAccount admission plugin is enabled: a pod then needs an existing ServiceAccount, and gets a
   * mounted token. The plugin requires a controller manager, which creates the ServiceAccount `default` in every
   * namespace. Without a controller manager, no pod could be created.
   */
  readonly serviceAccountAdmission: boolean;
  /** Whether requests are written to `audit.log`. */
  readonly audit: boolean;
  /**
   * Whether anonymous requests are limited to key discovery and health checks. Must be false for Kubernetes before
   * 1.34, which does not support v1 of `AuthenticationConfiguration`; RBAC then limits anonymous requests. Default:
   * true.
   */
  readonly limitAnonymous?: boolean;
  /**
   * User name of the API server when it calls kubelets. The API server verifies the kubelets' certificates only if this
   * name is set.
   */
  readonly kubeletClient?: string;
  readonly signal?: AbortSignal | undefined;
};

export type ControlPlane = {
  /** `https://127.0.0.1:PORT` */
  readonly server: string;
  /** Client certificate of a member of `system:masters`. */
  readonly admin: KeyPair;
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** Path of the PEM file of the certificate authority that verifies the server. */
  readonly caFile: string;
  readonly signingKeyFile: string;
  readonly children: { readonly etcd: Child; readonly apiServer: Child };
  /** Writes a kubeconfig for another user to the folder, and returns the path of the file. */
  writeKubeconfig(fileName: string, user: string, groups: readonly string[]): Promise<string>;
};

const serviceNetwork = '10.96.0.0/16';
const startTimeoutMs = 60_000;

/**
 * Resolves when the API server is ready.
 * @throws ChildFailedError if one of the two programs exits or is not ready within a minute. The caller then stops the
 *   children that `onChild` reported.
 */
export async function startControlPlane(
  options: ControlPlaneOptions,
  onChild: (name: 'etcd' | 'kube-apiserver', child: Child) => void,
): Promise<ControlPlane> {
  const { folder, ports, authority, binaries, env, watchdog, signal } = options;
  const server = `https://127.0.0.1:${ports.apiServer}`;
  const path = (name: string): string => join(folder, name);
  const write = (name: string, text: string): Promise<void> => writeFile(path(name), text, { mode: 0o600 });

  const [signingKey, etcdServer, etcdClient, apiServerPair, admin, kubelet] = await Promise.all([
    createSigningKey(),
    authority.issueServer('etcd', ['localhost', '127.0.0.1']),
    authority.issueClient('kube-apiserver-etcd-client', []),
    authority.issueServer('kube-apiserver', [
      'localhost',
      '127.0.0.1',
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc',
    ]),
    authority.issueClient('kubernetes-admin', ['system:masters']),
    options.kubeletClient === undefined ? undefined : authority.issueClient(options.kubeletClient, []),
    mkdir(path('etcd'), { recursive: true, mode: 0o700 }),
  ]);
  const kubeconfigFor = (client: KeyPair): string =>
    renderKubeconfig({ server, caCertificate: authority.certificate, client, name: options.name });
  await Promise.all([
    write('ca.crt', authority.certificate),
    write('etcd.crt', etcdServer.certificate),
    write('etcd.key', etcdServer.key),
    write('etcd-client.crt', etcdClient.certificate),
    write('etcd-client.key', etcdClient.key),
    write('apiserver.crt', apiServerPair.certificate),
    write('apiserver.key', apiServerPair.key),
    ...(kubelet
      ? [write('kubelet-client.crt', kubelet.certificate), write('kubelet-client.key', kubelet.key)]
      : []),
    write('service-account.key', signingKey.privateKey),
    write('service-account.pub', signingKey.publicKey),
    write('authentication.json', JSON.stringify(anonymousDiscovery, null, 2)),
    write('audit-policy.json', JSON.stringify(auditPolicy, null, 2)),
    write('kubeconfig', kubeconfigFor(admin)),
  ]);
  signal?.throwIfAborted();

  const start = async (
    name: 'etcd' | 'kube-apiserver',
    command: string,
    args: readonly string[],
  ): Promise<Child> => {
    const child = await startChild({
      name,
      command,
      args,
      env,
      logFile: join(options.logs, `${name}.log`),
      watchdog,
    });
    onChild(name, child);
    return child;
  };
  // Both programs start at once, because the API server waits for etcd.
  const [etcd, apiServer] = await Promise.all([
    start('etcd', binaries.etcd, etcdArguments(path, ports.etcd)),
    start('kube-apiserver', binaries['kube-apiserver'], apiServerArguments(path, options)),
  ]);
  await Promise.race([
    untilServing({ server, caCertificate: authority.certificate, client: admin, child: apiServer, signal }),
    // If etcd exits, reports the exit instead of the timeout of the API server, which waits for etcd.
    untilReady({
      what: 'etcd is up',
      child: etcd,
      timeoutMs: startTimeoutMs,
      signal,
      probe: async () => false,
    }),
  ]);
  return {
    server,
    admin,
    kubeconfig: path('kubeconfig'),
    caFile: path('ca.crt'),
    signingKeyFile: path('service-account.key'),
    children: { etcd, apiServer },
    writeKubeconfig: async (fileName, user, groups) => {
      await write(fileName, kubeconfigFor(await authority.issueClient(user, groups)));
      return path(fileName);
    },
  };
}

function etcdArguments(path: (name: string) => string, port: number): string[] {
  const url = `https://127.0.0.1:${port}`;
  return [
    `--data-dir=${path('etcd')}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    '--listen-peer-urls=http://127.0.0.1:0',
    // Client certificates are required: otherwise every user of the machine could read and write the cluster's data.
    '--client-cert-auth',
    `--trusted-ca-file=${path('ca.crt')}`,
    `--cert-file=${path('etcd.crt')}`,
    `--key-file=${path('etcd.key')}`,
    // Does not sync the data to the disk, because the data is removed with the sandbox and a slow disk would delay
    // every write.
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

function apiServerArguments(path: (name: string) => string, options: ControlPlaneOptions): string[] {
  const { ports, issuer } = options;
  return [
    '--bind-address=127.0.0.1',
    `--secure-port=${ports.apiServer}`,
    // Without this flag the API server looks for a network interface with a default route, which an offline machine
    // does not have.
    '--advertise-address=127.0.0.1',
    // The Service `kubernetes` gets no endpoints: a loopback address cannot be advertised, and nothing in the sandbox
    // uses the Service.
    '--endpoint-reconciler-type=none',
    `--service-cluster-ip-range=${serviceNetwork}`,
    `--etcd-servers=https://127.0.0.1:${ports.etcd}`,
    `--etcd-cafile=${path('ca.crt')}`,
    `--etcd-certfile=${path('etcd-client.crt')}`,
    `--etcd-keyfile=${path('etcd-client.key')}`,
    `--tls-cert-file=${path('apiserver.crt')}`,
    `--tls-private-key-file=${path('apiserver.key')}`,
    `--client-ca-file=${path('ca.crt')}`,
    '--authorization-mode=Node,RBAC',
    ...(options.limitAnonymous === false ? [] : [`--authentication-config=${path('authentication.json')}`]),
    '--allow-privileged=true',
    `--service-account-issuer=${issuer}`,
    `--service-account-jwks-uri=https://127.0.0.1:${ports.apiServer}/openid/v1/jwks`,
    `--service-account-signing-key-file=${path('service-account.key')}`,
    `--service-account-key-file=${path('service-account.pub')}`,
    '--service-account-max-token-expiration=24h',
    // As on EKS, the API server does not accept the audience sts.amazonaws.com, so it refuses tokens for AWS.
    '--api-audiences=https://kubernetes.default.svc',
    '--profiling=false',
    ...(options.kubeletClient === undefined
      ? []
      : [
          `--kubelet-client-certificate=${path('kubelet-client.crt')}`,
          `--kubelet-client-key=${path('kubelet-client.key')}`,
          `--kubelet-certificate-authority=${path('ca.crt')}`,
          '--kubelet-preferred-address-types=InternalIP',
        ]),
    '--v=1',
    ...(options.serviceAccountAdmission ? [] : ['--disable-admission-plugins=ServiceAccount']),
    ...(options.audit
      ? [
          `--audit-policy-file=${path('audit-policy.json')}`,
          `--audit-log-path=${join(options.logs, 'audit.log')}`,
          '--audit-log-maxsize=100',
          '--audit-log-maxbackup=1',
        ]
      : []),
  ];
}

async function untilServing(options: {
  readonly server: string;
  readonly caCertificate: string;
  readonly client: KeyPair;
  readonly child: Child;
  readonly signal: AbortSignal | undefined;
}): Promise<void> {
  const agent = new Agent({
    keepAlive: true,
    ca: options.caCertificate,
    cert: options.client.certificate,
    key: options.client.key,
  });
  try {
    await untilReady({
      what: `${options.server}/readyz succeeds`,
      child: options.child,
      timeoutMs: startTimeoutMs,
      signal: options.signal,
      probe: async (signal) => {
        const { status, body } = await loopbackRequest(`${options.server}/readyz`, { agent, signal });
        if (status !== 200) throw new Error(`${status}: ${body.slice(0, 2000)}`);
        return true;
      },
    });
  } finally {
    agent.destroy();
  }
}
