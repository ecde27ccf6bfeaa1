/** All parts of the sandbox that depend on the API server: objects, controllers, node, webhook and operator. */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  admissionObjects,
  enforcedDigest,
  isAppliedAfterCrds,
  operatorObjects,
  peopleRoles,
  probeLease,
  probePolicyName,
  shippedAdmissionDigest,
} from '../../../src/rbac/index.ts';
import { apiVersion, clusterConfigs, crds, rolePathFor } from '../../../src/api/index.ts';
import {
  isNotFound,
  type KubeClient,
  type KubeObject,
  type Resource,
  resources,
} from '../../../src/kube/index.ts';
import { type Condition, isConditionTrue } from '../../../src/k8s/conditions.ts';
import { accessObjects, identities } from '../cluster/access.ts';
import type { CertificateAuthority } from '../cluster/certificates.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { controllerManager, scheduler } from '../cluster/controllers.ts';
import { kwok, kwokConfig, node } from '../cluster/kwok.ts';
import { podIdentityAgent } from '../cluster/pod-identity-agent.ts';
import { baseEnvironment } from '../environment.ts';
import { startKubeletFront } from '../kubelet/front.ts';
import { loopbackRequest } from '../loopback.ts';
import type { Child } from '../processes/child.ts';
import { untilReady } from '../processes/ready.ts';
import { webhookRegistration } from '../webhook/registration.ts';
import type { AwsUsers } from './aws-part.ts';
import type { Binaries, BringUpOptions, Ports } from './options.ts';
import { operatorIdentity, operatorKubeconfig } from './operator-identity.ts';
import { sandboxTagKeys } from './settings.ts';
import { together } from './together.ts';

export type ApiServerAccess = {
  readonly binaries: Binaries;
  readonly ports: Ports;
  readonly plane: ControlPlane;
  readonly authority: CertificateAuthority;
  readonly users: AwsUsers;
  /** Client of the cluster's administrator. */
  readonly client: KubeClient;
};

const readyTimeoutMs = 60_000;
const fieldManager = 'kon-sandbox';

export async function startWorkloadParts(options: BringUpOptions, access: ApiServerAccess): Promise<void> {
  await applyAll(access.client, accessObjects, options.signal);
  await together(options.signal, (signal) => [
    startControllers({ ...options, signal }, access).then(() => options.onStep('controllers')),
    startNode({ ...options, signal }, access).then(() => options.onStep('node')),
    startWebhook({ ...options, signal }, access).then(() => options.onStep('webhook')),
    startOperating({ ...options, signal }, access),
  ]);
}

async function startControllers(options: BringUpOptions, access: ApiServerAccess): Promise<void> {
  const { parts, env, signal } = options;
  const { binaries, plane, client } = access;
  const kubeconfigs = {
    manager: await kubeconfigOf(plane, 'kube-controller-manager'),
    scheduler: await kubeconfigOf(plane, 'kube-scheduler'),
  };
  const { 'kube-controller-manager': managerBinary, 'kube-scheduler': schedulerBinary } = binaries;
  const [manager] = await Promise.all([
    parts.start(
      'kube-controller-manager',
      managerBinary.version,
      controllerManager(managerBinary.path, kubeconfigs.manager, plane),
      baseEnvironment(env),
    ),
    parts.start(
      'kube-scheduler',
      schedulerBinary.version,
      scheduler(schedulerBinary.path, kubeconfigs.scheduler),
      baseEnvironment(env),
    ),
  ]);
  // Pods can be created once this ServiceAccount exists. The ServiceAccount's existence also shows that the controllers
  // work.
  await untilExists(client, manager, signal, resources.serviceAccounts, {
    namespace: 'default',
    name: 'default',
  });
}

async function startNode(options: BringUpOptions, access: ApiServerAccess): Promise<void> {
  const { parts, env, paths, signal } = options;
  const { binaries, plane, client, ports } = access;
  const configFile = join(paths.run, 'kwok.yaml');
  const execPod = `exec-${randomUUID()}`;
  const config = kwokConfig({
    kubeletPort: ports.kubelet,
    execPod,
    env: { ...baseEnvironment(env), KON_SANDBOX_DIR: paths.folder },
  });
  await together(signal, (signal) => [
    writeFile(configFile, config, { mode: 0o600 }),
    applyAll(client, [node, podIdentityAgent], signal),
    startKubelet(options, access, execPod),
  ]);
  const child = await parts.start(
    'kwok',
    binaries.kwok.version,
    kwok(binaries.kwok.path, await kubeconfigOf(plane, 'kwok'), configFile, ports.kwok),
    baseEnvironment(env),
  );
  await untilReady({
    what: `the node ${node.metadata.name} is Ready`,
    child,
    timeoutMs: readyTimeoutMs,
    signal,
    probe: (signal) => hasCondition(client, resources.nodes, node.metadata.name, 'Ready', signal),
  });
}

async function startKubelet(
  options: BringUpOptions,
  { authority, ports, client }: ApiServerAccess,
  execPod: string,
): Promise<void> {
  const { paths, self, now } = options;
  const close = await startKubeletFront({
    port: ports.kubelet,
    tls: await authority.issueServer(node.metadata.name, ['127.0.0.1']),
    ca: authority.certificate,
    kwok: { port: ports.kwok, execPod },
    self,
    logs: paths.logs,
    isThere: async (ref) => {
      try {
        await client.get(resources.pods, ref);
        return true;
      } catch (error) {
        // After any error except NotFound, for example if the API server is unreachable, the pod may still exist, so
        // the pod counts as existing.
        return !isNotFound(error);
      }
    },
    now,
  });
  options.onCleanup(close);
}

/** Starts the webhook, and registers it once it responds, because every pod creation waits for a registered webhook. */
async function startWebhook(options: BringUpOptions, access: ApiServerAccess): Promise<void> {
  const { parts, env, paths, settings, self, version, signal } = options;
  const { ports, plane, authority, client } = access;
  const file = (name: string): string => join(paths.run, name);
  const pair = await authority.issueServer('pod-identity-webhook', ['127.0.0.1', 'localhost']);
  await Promise.all([
    writeFile(file('webhook.crt'), pair.certificate, { mode: 0o600 }),
    writeFile(file('webhook.key'), pair.key, { mode: 0o600 }),
  ]);
  const [command, ...leading] = self;
  const child = await parts.start(
    'webhook',
    version,
    {
      command,
      args: [
        ...leading,
        'sandbox',
        'webhook',
        `--port=${ports.webhook}`,
        `--region=${settings.region}`,
        `--associations-url=http://127.0.0.1:${ports.aws}/_emulator/pod-identities?cluster=${settings.name}`,
        `--tls-cert=${file('webhook.crt')}`,
        `--tls-key=${file('webhook.key')}`,
        `--kubeconfig=${await kubeconfigOf(plane, 'webhook')}`,
      ],
    },
    baseEnvironment(env),
  );
  await untilReady({
    what: 'the webhook responds',
    child,
    timeoutMs: readyTimeoutMs,
    signal,
    probe: async (signal) => {
      const url = `https://127.0.0.1:${ports.webhook}/healthz`;
      return (await loopbackRequest(url, { ca: authority.certificate, signal })).status === 200;
    },
  });
  await applyAll(client, [webhookRegistration(ports.webhook, authority.certificate)], signal);
}

/** Applies the CRDs and waits until they are established. Until then, requests for objects of these kinds fail. */
async function installCrds(options: BringUpOptions, { client, plane }: ApiServerAccess): Promise<void> {
  const { signal } = options;
  const definitions = crds();
  await applyAll(client, definitions, signal);
  await Promise.all(
    definitions.map(({ metadata: { name } }) =>
      untilReady({
        what: `the CRD ${name} is Established`,
        child: plane.children.apiServer,
        timeoutMs: readyTimeoutMs,
        signal,
        probe: (signal) =>
          hasCondition(client, resources.customResourceDefinitions, name, 'Established', signal),
      }),
    ),
  );
  options.onStep('crds');
}

/**
 * Applies the admission policies and waits until the API server enforces them. The CRDs do not exist yet, so no account
 * can be written while the policies are not enforced.
 */
async function guardAccounts(options: BringUpOptions, { client, plane }: ApiServerAccess): Promise<void> {
  const { signal } = options;
  const objects = admissionObjects(operatorIdentity).filter((object) => !isAppliedAfterCrds(object));
  const isProbe = ({ metadata }: KubeObject): boolean => metadata.name === probePolicyName;
  await applyAll(
    client,
    objects.filter((object) => !isProbe(object)),
    signal,
  );
  for (const object of objects.filter(isProbe)) await applyAll(client, [object], signal);
  await untilReady({
    what: 'the admission policies are enforced',
    child: plane.children.apiServer,
    timeoutMs: readyTimeoutMs,
    signal,
    probe: async (signal) => {
      const probe = probeLease('default');
      const dryRun = { dryRun: true, fieldManager, signal };
      const digest = await enforcedDigest(() => client.create(resources.leases, probe, dryRun));
      return digest === shippedAdmissionDigest();
    },
  });
}

async function startOperating(options: BringUpOptions, access: ApiServerAccess): Promise<void> {
  if (options.settings.bare) return;
  await guardAccounts(options, access);
  const [namespace, ...others] = operatorObjects(operatorIdentity);
  await applyAll(access.client, namespace ? [namespace] : [], options.signal);
  await together(options.signal, (signal) => [
    applyAll(access.client, [...others, ...peopleRoles], signal),
    installCrds({ ...options, signal }, access),
  ]);
  await applyAll(
    access.client,
    admissionObjects(operatorIdentity).filter(isAppliedAfterCrds),
    options.signal,
  );
  await configureCluster(options, access);
  if (!options.settings.operator) return;
  await startOperator(options, access);
  options.onStep('operator');
}

async function configureCluster(options: BringUpOptions, { client }: ApiServerAccess): Promise<void> {
  const { settings, signal } = options;
  const { name, region, accountId, targets } = settings;
  await client.apply<KubeObject & { readonly spec: object }>(
    clusterConfigs,
    {
      apiVersion,
      kind: 'ClusterConfig',
      metadata: { name },
      spec: {
        targets: [...targets],
        aws: {
          region,
          accountId,
          clusterName: name,
          rolePath: rolePathFor(name),
          allowedTagKeys: [...sandboxTagKeys],
          driftIntervalSeconds: 5,
        },
      },
    },
    { fieldManager, force: true, fieldValidation: 'Strict', signal },
  );
}

/**
 * Starts the operator as `kon operator` runs outside the sandbox: with a kubeconfig, the AWS SDK's default environment,
 * and the shipped permissions.
 */
async function startOperator(options: BringUpOptions, access: ApiServerAccess): Promise<void> {
  const { parts, env, settings, self, version, signal } = options;
  const { ports, client, users } = access;
  const [command, ...leading] = self;
  const child = await parts.start(
    'operator',
    version,
    {
      command,
      args: [
        ...leading,
        'operator',
        `--health-address=127.0.0.1:${ports.operator}`,
        `--lease-namespace=${operatorIdentity.namespace}`,
      ],
    },
    {
      ...baseEnvironment(env),
      KUBECONFIG: await operatorKubeconfig(options, access),
      AWS_ENDPOINT_URL: `http://127.0.0.1:${ports.aws}`,
      AWS_REGION: settings.region,
      AWS_ACCESS_KEY_ID: users.operator.accessKeyId,
      AWS_SECRET_ACCESS_KEY: users.operator.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    },
  );
  await untilReady({
    what: `the ClusterConfig ${settings.name} is Ready`,
    child,
    timeoutMs: readyTimeoutMs,
    signal,
    probe: (signal) => hasCondition(client, clusterConfigs, settings.name, 'Ready', signal),
  });
}

function kubeconfigOf(plane: ControlPlane, part: keyof typeof identities): Promise<string> {
  const { user, groups } = identities[part];
  return plane.writeKubeconfig(`${part}.kubeconfig`, user, groups);
}

const applied: readonly Resource[] = [
  resources.clusterRoles,
  resources.clusterRoleBindings,
  resources.customResourceDefinitions,
  resources.daemonSets,
  resources.mutatingWebhookConfigurations,
  resources.namespaces,
  resources.nodes,
  resources.roleBindings,
  resources.roles,
  resources.serviceAccounts,
  resources.validatingAdmissionPolicies,
  resources.validatingAdmissionPolicyBindings,
];

async function applyAll(
  client: KubeClient,
  objects: readonly KubeObject[],
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(
    objects.map((object) => {
      const resource = applied.find(({ kind }) => kind === object.kind);
      if (resource === undefined) throw new TypeError(`no resource for the kind ${object.kind}`);
      return client.apply(resource, object, { fieldManager, force: true, fieldValidation: 'Strict', signal });
    }),
  );
}

async function hasCondition(
  client: KubeClient,
  resource: Resource,
  name: string,
  type: string,
  signal: AbortSignal,
): Promise<boolean> {
  type Conditioned = KubeObject & { readonly status?: { readonly conditions?: readonly Condition[] } };
  const found = await client.get<Conditioned>(resource, { name }, { signal });
  return isConditionTrue(found.status?.conditions, type);
}

async function untilExists(
  client: KubeClient,
  child: Child,
  signal: AbortSignal,
  resource: Resource,
  ref: { readonly namespace: string; readonly name: string },
): Promise<void> {
  await untilReady({
    what: `${resource.kind} ${ref.namespace}/${ref.name} exists`,
    child,
    timeoutMs: readyTimeoutMs,
    signal,
    probe: async (signal) => {
      try {
        await client.get(resource, ref, { signal });
        return true;
      } catch (error) {
        if (isNotFound(error)) return false;
        throw error;
      }
    },
  });
}
