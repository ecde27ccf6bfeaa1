/**
 * The operator's real engine in a modelled world, where every write to Kubernetes and to AWS can be the last thing it does.
 */
import {
  clusterConfigs,
  linkedServiceAccounts,
  apps,
  type App,
  type ClusterConfig,
  type LinkedServiceAccount,
} from '../../src/api/index.ts';
import { IdentityError, type RoleStore } from '../../src/identity/index.ts';
import {
  createEventRecorder,
  KubeUnreachableError,
  resources,
  silentLogger,
  type KubeClient,
} from '../../src/kube/index.ts';
import { createEngine } from '../../src/operator/engine.ts';
import { createSimulatedApiServer, type SimulatedApiServer } from './simulated-api-server.ts';
import { createSimulatedIam, type SimulatedIam } from './simulated-iam.ts';
import { modelWorkloads } from './simulated-workloads.ts';
import { createVirtualTime, type VirtualTime } from './virtual-time.ts';

/** What happens to the operator at one of its writes, counted from 0 over the whole run. */
export type Fault = { readonly write: number; readonly how: 'killedBefore' | 'killedAfter' | 'answerLost' };

export type Simulation = {
  readonly time: VirtualTime;
  readonly server: SimulatedApiServer;
  readonly iam: SimulatedIam;
  /** Every write that the operator sent, in order, in words: `iam CreateRole kon-…`. */
  readonly writes: string[];
  /** Those of them that were not refused. */
  readonly effects: string[];
  /** How often it was started. */
  starts(): number;
};

export const issuer = 'https://oidc.eks.us-west-2.amazonaws.com/id/SIMULATED';
export const targets = ['production', 'staging'];

/** As long as a process takes to come back, in milliseconds. */
const restartMs = 1000;

export async function startSimulation(fault?: Fault, lagMs = 0): Promise<Simulation> {
  const time = createVirtualTime(Date.parse('2026-01-01T00:00:00Z'));
  const server = createSimulatedApiServer({ ...time, issuer });
  server.lagMs = lagMs;
  const iam = createSimulatedIam(time.now);
  modelWorkloads(server, time.setTimer);
  const writes: string[] = [];
  const effects: string[] = [];
  let starts = 0;
  // A sequence of its own, so that jitter is spread and a run is the same every time.
  let seed = 1;
  const random = (): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed / 2_147_483_648;
  };

  const start = (): void => {
    starts += 1;
    let dead = false;
    const never = <T>(): Promise<T> => new Promise<T>(() => {});
    const die = (): void => {
      dead = true;
      time.setTimer(start, restartMs);
    };
    const write = async <T>(what: string, send: () => Promise<T>, lost: () => Error): Promise<T> => {
      if (dead) return never();
      const index = writes.length;
      writes.push(what);
      const perform = async (): Promise<T> => {
        const outcome = await send();
        effects.push(what);
        return outcome;
      };
      const how = fault?.write === index ? fault.how : undefined;
      if (how === 'killedBefore') {
        die();
        return never();
      }
      if (how === 'killedAfter') {
        // Also after a refusal: the process dies before it hears of it.
        await perform().catch(() => undefined);
        die();
        return never();
      }
      const outcome = await perform();
      if (how === 'answerLost') throw lost();
      return dead ? never() : outcome;
    };
    const read = async <T>(perform: () => Promise<T>): Promise<T> => {
      if (dead) return never();
      const outcome = await perform();
      return dead ? never() : outcome;
    };
    const client = wrapClient(server.client, write, read, () => dead);
    const setTimer: VirtualTime['setTimer'] = (callback, delayMs) =>
      time.setTimer(() => !dead && callback(), delayMs);
    const abort = new AbortController();
    const engine = createEngine({
      client,
      recorder: createEventRecorder({
        client,
        now: time.now,
        setTimer,
        logger: silentLogger,
        controller: 'k11n.dev/konstellation',
        instance: 'simulated',
      }),
      logger: silentLogger,
      now: time.now,
      monotonic: time.now,
      random,
      setTimer,
      assertLeading: () => undefined,
      aws: () => ({ ...iam.aws, roles: wrapRoles(iam.aws.roles, write, read) }),
    });
    void engine.follow(abort.signal).then(() => engine.work(abort.signal));
  };

  const config: ClusterConfig = {
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'ClusterConfig',
    metadata: { name: 'simulated' },
    spec: { targets, aws: { region: 'us-west-2', rolePath: '/konstellation/', driftIntervalSeconds: 60 } },
  };
  await server.client.create(clusterConfigs, config as never);
  start();
  return { time, server, iam, writes, effects, starts: () => starts };
}

type Write = <T>(what: string, perform: () => Promise<T>, lost: () => Error) => Promise<T>;
type Read = <T>(perform: () => Promise<T>) => Promise<T>;

const unreachable = (): Error =>
  new KubeUnreachableError('reset', 'https://simulated', 'the connection broke after the request was sent');

function wrapClient(client: KubeClient, write: Write, read: Read, isDead: () => boolean): KubeClient {
  const ref = (
    resource: { plural: string },
    of: { namespace?: string | undefined; name?: string | undefined },
  ): string => `${resource.plural} ${of.namespace ? `${of.namespace}/` : ''}${of.name ?? ''}`;
  return {
    ...client,
    get: (...args) => read(() => client.get(...args)),
    list: (...args) => read(() => client.list(...args)),
    createToken: (...args) => read(() => client.createToken(...args)),
    raw: (...args) => read(() => client.raw(...args)),
    create: (resource, object, options) =>
      options?.dryRun
        ? read(() => client.create(resource, object, options))
        : write(
            `kube create ${ref(resource, object.metadata)}`,
            () => client.create(resource, object, options),
            unreachable,
          ),
    update: (resource, object, options) =>
      write(
        `kube update ${ref(resource, object.metadata)}`,
        () => client.update(resource, object, options),
        unreachable,
      ),
    updateStatus: (resource, object, options) =>
      write(
        `kube status ${ref(resource, object.metadata)}`,
        () => client.updateStatus(resource, object, options),
        unreachable,
      ),
    apply: (resource, object, options) =>
      write(
        `kube apply ${ref(resource, object.metadata)}${options.subresource ? ` ${options.subresource}` : ''}`,
        () => client.apply(resource, object, options),
        unreachable,
      ),
    patch: (resource, of, patch, options) =>
      write(`kube patch ${ref(resource, of)}`, () => client.patch(resource, of, patch, options), unreachable),
    delete: (resource, of, options) =>
      write(`kube delete ${ref(resource, of)}`, () => client.delete(resource, of, options), unreachable),
    async *watch(resource, options) {
      for await (const event of client.watch(resource, options)) {
        if (isDead()) return;
        yield event as never;
      }
    },
  };
}

function wrapRoles(roles: RoleStore, write: Write, read: Read): RoleStore {
  const lost = (): Error =>
    new IdentityError('Unreachable', 'the connection broke after the request was sent');
  return {
    read: (...args) => read(() => roles.read(...args)),
    snapshot: (...args) => read(() => roles.snapshot(...args)),
    create: (spec) => write(`iam CreateRole ${spec.name}`, () => roles.create(spec), lost),
    delete: (name) => write(`iam DeleteRole ${name}`, () => roles.delete(name), lost),
    updateTrustPolicy: (name, document) =>
      write(`iam UpdateAssumeRolePolicy ${name}`, () => roles.updateTrustPolicy(name, document), lost),
    attachPolicy: (name, arn) =>
      write(`iam AttachRolePolicy ${name} ${arn}`, () => roles.attachPolicy(name, arn), lost),
    detachPolicy: (name, arn) =>
      write(`iam DetachRolePolicy ${name} ${arn}`, () => roles.detachPolicy(name, arn), lost),
    deleteInlinePolicy: (name, policy) =>
      write(`iam DeleteRolePolicy ${name} ${policy}`, () => roles.deleteInlinePolicy(name, policy), lost),
    putPermissionsBoundary: (name, arn) =>
      write(`iam PutRolePermissionsBoundary ${name}`, () => roles.putPermissionsBoundary(name, arn), lost),
    deletePermissionsBoundary: (name) =>
      write(`iam DeleteRolePermissionsBoundary ${name}`, () => roles.deletePermissionsBoundary(name), lost),
    updateMaxSessionDuration: (name, seconds) =>
      write(`iam UpdateRole ${name}`, () => roles.updateMaxSessionDuration(name, seconds), lost),
    tag: (name, tags) => write(`iam TagRole ${name}`, () => roles.tag(name, tags), lost),
    untag: (name, keys) => write(`iam UntagRole ${name}`, () => roles.untag(name, keys), lost),
  };
}

/** What is to be the same at the end of every run, however it went: everything but uids, versions and times. */
export function endState({ server, iam }: Simulation): object {
  const conditions = (
    status:
      | { conditions?: readonly { type: string; status: string; reason: string }[] | undefined }
      | undefined,
  ): object =>
    Object.fromEntries(
      (status?.conditions ?? []).map(({ type, status: value, reason }) => [type, `${value} ${reason}`]),
    );
  return {
    roles: [...iam.roles.values()]
      .map(({ id: _, tags, attachedPolicyArns, ...role }) => ({
        ...role,
        attachedPolicyArns: [...attachedPolicyArns].sort(),
        tags: Object.fromEntries(Object.entries(tags).filter(([key]) => key !== 'k11n.dev/uid')),
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    serviceAccounts: server
      .list(resources.serviceAccounts)
      .map(({ metadata: { namespace, name, labels, annotations } }) => ({
        namespace,
        name,
        labels,
        annotations,
      }))
      .sort((a, b) => (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1)),
    pods: server
      .list(resources.pods)
      .map((pod) => {
        const spec = pod.spec as {
          serviceAccountName?: string;
          containers: { env?: { name: string; value?: string }[] }[];
        };
        const role = spec.containers[0]?.env?.find((entry) => entry.name === 'AWS_ROLE_ARN')?.value;
        return `${pod.metadata.namespace}/${pod.metadata.labels?.['simulated/deployment']} ${spec.serviceAccountName} ${role ?? 'no role'}`;
      })
      .sort(),
    accounts: server.list(linkedServiceAccounts).map((object) => {
      const account = object as unknown as LinkedServiceAccount;
      return {
        name: account.metadata.name,
        finalizers: account.metadata.finalizers,
        conditions: conditions(account.status),
        targets: account.status?.targets?.map(({ name, linked, proven, pods, roleArn }) => ({
          name,
          linked,
          proven,
          pods,
          roleArn,
        })),
        policies: account.status?.policies?.map(({ arn, attached }) => ({ arn, attached })),
        isObserved: account.status?.observedGeneration === account.metadata.generation,
      };
    }),
    apps: server.list(apps).map((object) => {
      const app = object as unknown as App;
      return {
        name: app.metadata.name,
        conditions: conditions(app.status),
        targets: app.status?.targets?.map(({ name, state, roleArn }) => ({ name, state, roleArn })),
      };
    }),
    namespaces: server
      .list(resources.namespaces)
      .map((namespace) => namespace.metadata.name)
      .sort(),
  };
}
