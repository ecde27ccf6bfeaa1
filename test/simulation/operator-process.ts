/**
 * One operator process: its real engine with its real AWS adapters. Below the adapters, a simulated world determines
 * the outcome of each request, and whether the process still runs when the response arrives.
 */
import type { EKSClient } from '@aws-sdk/client-eks';
import type { IAMClient } from '@aws-sdk/client-iam';
import type { STSClient } from '@aws-sdk/client-sts';
import { createAccountGuard } from '../../src/aws/account-guard.ts';
import { createAwsCloudAccount } from '../../src/aws/aws-cloud-account.ts';
import { callsOf } from '../../src/aws/calls.ts';
import { createEksAssociationStore } from '../../src/aws/eks-association-store.ts';
import { classifyEksError } from '../../src/aws/errors.ts';
import { createIamRoleStore } from '../../src/aws/iam-role-store.ts';
import type { Caller } from '../../src/aws/scheduler.ts';
import { createAwsSchedulers } from '../../src/aws/schedulers.ts';
import { createEksAuthProver, createStsIdentityProver } from '../../src/aws/identity-provers.ts';
import {
  createEventRecorder,
  createLeaderElector,
  KubeApiError,
  KubeUnreachableError,
  silentLogger,
  type KubeClient,
  type LeadershipEnd,
  type Logger,
} from '../../src/kube/index.ts';
import type { EksAuthClient } from '../../src/eks-auth/client.ts';
import { createEngine } from '../../src/operator/engine.ts';
import type { View } from './api-server/change-log.ts';
import type { SimulatedApiServer } from './api-server/simulated-api-server.ts';
import type { Draws } from './random.ts';
import { awsError } from './aws-error.ts';
import { isAwsRead, type SimulatedAws } from './simulated-aws.ts';
import type { SimulatedAssociation } from './simulated-eks.ts';
import type { VirtualTime } from './virtual-time.ts';
import type { Wall } from '../../src/k8s/time.ts';

/** Description of the request: `kube apply linkedserviceaccounts a status`, `iam CreateRole kon-…`. */
export type Request = {
  readonly system: 'kube' | 'aws';
  readonly kind: 'read' | 'write' | 'lease';
  readonly what: string;
  /** For a write, the number of earlier writes by any process in the whole run. For other requests: -1. */
  readonly index: number;
  readonly process: string;
};

/**
 * `killed…`: the process is killed before it sends the request, or after the request has been executed. `answerLost`:
 * the request is executed, but the connection breaks before the response. `unsent`: there is no connection. `failed`,
 * `throttled`, `denied`: the server responds with this error and does nothing.
 */
export type Fault =
  | 'killedBefore'
  | 'killedAfter'
  | 'answerLost'
  | 'unsent'
  | 'failed'
  | 'throttled'
  | 'denied';

export type Fate = {
  readonly fault?: Fault | undefined;
  /** Delays of the request (`requestDelayMs`) and of the response (`responseDelayMs`), in milliseconds. */
  readonly requestDelayMs?: number;
  readonly responseDelayMs?: number;
};

export type OperatorProcess = {
  readonly name: string;
  kill(): void;
  /** Stops timers and holds back responses; requests that have already been sent continue. */
  pause(): void;
  resume(): void;
  isAlive(): boolean;
  isLeading(): boolean;
};

export type ProcessOptions = {
  readonly name: string;
  readonly time: VirtualTime;
  /** Milliseconds since the epoch on the clock of the process. */
  readonly wallClock: () => Wall;
  readonly server: SimulatedApiServer;
  readonly aws: SimulatedAws;
  readonly draws: Draws;
  readonly view: View;
  readonly fate: (request: Request) => Fate;
  /** Called for each write that the process sends. Returns the write's index. */
  readonly onWrite: (what: string, process: string) => number;
  /** Called right before a write is executed. The returned function is called if the write was not refused. */
  readonly onArrival: (what: string, process: string) => () => void;
  /** Called if the server answers a request with an internal error instead of executing it. */
  readonly onFailure: (what: string) => void;
  /** Called if the process repeats a request too often in one moment; the process is then stopped. */
  readonly onBusy: (what: string) => void;
  /** Called for each read that the process sends. */
  readonly onRead?: (what: string) => void;
  readonly onDeath: (process: OperatorProcess, why: 'killed' | 'lost its lease') => void;
  readonly logger?: Logger;
  /** If set, the processes elect a leader. */
  readonly lease?: { readonly durationMs: number };
};

/** Retry period for a lease of this duration, as the operator sets it. Milliseconds. */
export const retryPeriodMs = (durationMs: number): number => (durationMs * 2) / 15;

/** If a process makes this many equal requests in one moment of simulated time, it is in a busy loop. */
const tooOften = 50;

export function startOperatorProcess(options: ProcessOptions): OperatorProcess {
  const { name, time, server, aws, draws, fate } = options;
  const logger = options.logger ?? silentLogger;
  let state: 'running' | 'paused' | 'dead' = 'running';
  const overdue: (() => void)[] = [];
  const connection = server.connect(options.view);

  const die = (why: 'killed' | 'lost its lease'): void => {
    if (state === 'dead') return;
    state = 'dead';
    overdue.length = 0;
    connection.close();
    options.onDeath(process, why);
  };
  const never = <T>(): Promise<T> => new Promise<T>(() => {});
  /** Calls `proceed` as soon as the process is not paused. */
  const whenRunning = (proceed: () => void): void => {
    if (state === 'running') proceed();
    else if (state === 'paused') overdue.push(proceed);
  };
  const running = (): Promise<void> => new Promise((resolve) => whenRunning(resolve));
  const setTimer: VirtualTime['setTimer'] = (callback, delayMs) => {
    let isCancelled = false;
    const cancel = time.setTimer(() => whenRunning(() => !isCancelled && callback()), delayMs);
    return () => {
      isCancelled = true;
      cancel();
    };
  };
  const pass = (ms: number): Promise<void> => new Promise((resolve) => void time.setTimer(resolve, ms));

  const asked = new Map<string, number>();
  let askedAt = time.now();
  /**
   * Whether the process repeats this request in a busy loop. Simulated time does not advance until all tasks have
   * ended, so a busy loop would stop simulated time for ever.
   */
  const isBusyWith = (what: string): boolean => {
    if (askedAt !== time.now()) asked.clear();
    askedAt = time.now();
    const times = (asked.get(what) ?? 0) + 1;
    asked.set(what, times);
    if (times === tooOften) options.onBusy(what);
    return times >= tooOften;
  };

  const send = async <T>(
    request: Omit<Request, 'index' | 'process'>,
    perform: () => Promise<T> | T,
    signal: AbortSignal | undefined,
  ): Promise<T> => {
    if (state === 'dead') return never();
    signal?.throwIfAborted();
    const isWrite = request.kind === 'write';
    const index = isWrite ? options.onWrite(request.what, name) : -1;
    if (!isWrite) options.onRead?.(request.what);
    if (isBusyWith(request.what)) return never();
    const { fault, requestDelayMs = 0, responseDelayMs = 0 } = fate({ ...request, index, process: name });
    const answer = async (): Promise<T> => {
      switch (fault) {
        case 'killedBefore':
          die('killed');
          return never();
        case 'unsent':
          options.onFailure(request.what);
          throw broken(request.system, 'refused');
        default:
      }
      if (requestDelayMs > 0) {
        await pass(requestDelayMs);
        // Requests that had not arrived at the server are lost with the process.
        if (state === 'dead') return never();
      }
      if (fault === 'failed' || fault === 'throttled' || fault === 'denied') {
        options.onFailure(request.what);
        throw refusals[fault](request.system);
      }
      let outcome: T;
      try {
        const carriedOut = isWrite ? options.onArrival(request.what, name) : undefined;
        outcome = await perform();
        carriedOut?.();
      } finally {
        // Refused requests have these faults too: before the process receives the response, it is killed or loses the
        // connection.
        if (fault === 'killedAfter') die('killed');
      }
      if (fault === 'answerLost') throw broken(request.system, 'reset');
      return outcome;
    };
    const settle = async (): Promise<T> => {
      try {
        return await answer();
      } finally {
        if (responseDelayMs > 0) await pass(responseDelayMs);
        await running();
      }
    };
    return signal ? untilAborted(settle(), signal, () => state !== 'dead') : settle();
  };

  const elector = options.lease && electorOf(options.lease.durationMs);
  const assertLeading = (): void => elector?.assertLeading();
  const client = clientOf(connection.client, assertLeading);
  const scheduling = { now: time.now, random: draws.fraction, setTimer };
  const schedulers = createAwsSchedulers(scheduling);
  const accountOf = (caller: Caller) => {
    const service = { send: awsSender(caller.owner) };
    return createAwsCloudAccount({
      iam: service as unknown as IAMClient,
      iamCalls: callsOf('iam', schedulers.iam, caller),
      sts: service as unknown as STSClient,
      stsCalls: callsOf('sts', schedulers.sts, caller),
    });
  };
  const guard = createAccountGuard({
    accessKeyId: async () => aws.credentials.accessKeyId,
    callerIdentity: () => accountOf({ owner: 'credentials', priority: 'interactive' }).callerIdentity(),
  });
  const awsAs = (caller: Caller) => {
    const { accountId } = caller;
    const beforeCall = accountId === undefined ? undefined : () => guard.assertAccount(accountId);
    const service = { send: awsSender(caller.owner) };
    const iam = service as unknown as IAMClient;
    const sts = service as unknown as STSClient;
    const iamCalls = callsOf('iam', schedulers.iam, caller, { beforeCall, beforeWrite: assertLeading });
    const listingCalls = callsOf('iam', schedulers.iamListing, caller, { beforeCall });
    const eks = service as unknown as EKSClient;
    const auth: EksAuthClient = {
      exchange: (of, { abortSignal } = {}) =>
        sendAction('AssumeRoleForPodIdentity', of, caller.owner, abortSignal) as ReturnType<
          EksAuthClient['exchange']
        >,
      close: () => undefined,
    };
    return {
      roles: createIamRoleStore({ iam, calls: iamCalls, listingCalls, now: time.now }),
      prover: createStsIdentityProver({
        sts,
        scheduler: schedulers.sts,
        caller,
        beforeWrite: assertLeading,
      }),
      account: {
        ...accountOf(caller),
        callerIdentity: (signal?: AbortSignal) => guard.callerIdentity(signal),
      },
      podIdentity: (clusterName: string) => ({
        associations: createEksAssociationStore({
          eks,
          calls: callsOf('eks', schedulers.eks, caller, {
            classify: classifyEksError,
            beforeCall,
            beforeWrite: assertLeading,
          }),
          listingCalls: callsOf('eks', schedulers.eksListing, caller, {
            classify: classifyEksError,
            beforeCall,
          }),
          clusterName,
          now: time.now,
        }),
        prover: createEksAuthProver({
          auth,
          scheduler: schedulers.eksAuth,
          caller,
          clusterName,
          beforeWrite: assertLeading,
        }),
      }),
    };
  };

  const process: OperatorProcess = {
    name,
    kill: () => die('killed'),
    pause() {
      if (state === 'running') state = 'paused';
    },
    resume() {
      if (state !== 'paused') return;
      state = 'running';
      // Runs one callback at a time, as an event loop does.
      const next = (): void => {
        const proceed = state === 'running' ? overdue.shift() : undefined;
        if (!proceed) return;
        proceed();
        time.setTimer(next, 0);
      };
      next();
    },
    isAlive: () => state !== 'dead',
    isLeading: () => state !== 'dead' && (elector?.isLeading() ?? true),
  };

  const engine = createEngine({
    client,
    recorder: createEventRecorder({
      client,
      now: time.wallClock,
      monotonic: time.now,
      setTimer,
      logger,
      controller: 'k11n.dev/konstellation',
      instance: name,
    }),
    logger,
    now: options.wallClock,
    monotonic: time.now,
    random: draws.fraction,
    setTimer,
    assertLeading,
    aws: (_informers, caller) => awsAs(caller),
  });
  void run();
  return process;

  async function run(): Promise<void> {
    const { signal } = new AbortController();
    await engine.follow(signal);
    if (!elector) {
      await engine.work(signal);
      return;
    }
    const end: LeadershipEnd = await elector.run(signal, (leading) => engine.work(leading));
    if (end === 'lost') die('lost its lease');
  }

  function electorOf(durationMs: number) {
    const leaseClient = clientOf(connection.client, () => undefined);
    return createLeaderElector({
      client: leaseClient,
      namespace: 'default',
      name: 'konstellation',
      identity: name,
      leaseDurationMs: durationMs,
      renewDeadlineMs: (durationMs * 2) / 3,
      retryPeriodMs: retryPeriodMs(durationMs),
      now: time.now,
      wallClock: time.wallClock,
      random: draws.fraction,
      setTimer,
      logger,
    });
  }

  function awsSender(owner: string) {
    return (
      command: { readonly input: Readonly<Record<string, unknown>>; readonly constructor: { name: string } },
      { abortSignal }: { readonly abortSignal: AbortSignal },
    ): Promise<object> => {
      const action = command.constructor.name.replace(/Command$/, '');
      return sendAction(action, command.input, owner, abortSignal);
    };
  }

  function sendAction(
    action: string,
    input: Readonly<Record<string, unknown>>,
    owner: string,
    abortSignal: AbortSignal | undefined,
  ): Promise<object> {
    const { RoleName, RoleArn, PolicyArn, PolicyName, associationId, resourceArn } = input;
    const association =
      associationId === undefined && resourceArn === undefined
        ? undefined
        : [...aws.eks.associations.values()].find(
            ({ id, arn }) => id === associationId || arn === resourceArn,
          );
    const { namespace, serviceAccount } = association ?? (input as Partial<SimulatedAssociation>);
    const about =
      'clusterName' in input || 'resourceArn' in input
        ? [namespace === undefined ? 'unknown' : `${namespace}/${serviceAccount}`]
        : [RoleName ?? RoleArn, PolicyArn ?? PolicyName].filter((part) => typeof part === 'string');
    const service = 'clusterName' in input || 'resourceArn' in input ? 'eks' : 'iam';
    const what = [service, action, ...about].join(' ');
    const kind = isAwsRead(action) ? 'read' : 'write';
    return send({ system: 'aws', kind, what }, () => aws.perform(action, input, owner), abortSignal);
  }

  function clientOf(real: KubeClient, beforeWrite: () => void): KubeClient {
    const ref = (
      resource: { plural: string },
      of: { namespace?: string | undefined; name?: string | undefined },
    ): string => `${resource.plural} ${of.namespace ? `${of.namespace}/` : ''}${of.name ?? ''}`;
    const read = <T>(what: string, perform: () => Promise<T>, signal?: AbortSignal): Promise<T> =>
      send({ system: 'kube', kind: 'read', what: `kube ${what}` }, perform, signal);
    const write = async <T>(what: string, perform: () => Promise<T>, signal?: AbortSignal): Promise<T> => {
      if (state === 'dead') return never();
      const isLease = what.includes(' leases ');
      if (!isLease) beforeWrite();
      return send(
        { system: 'kube', kind: isLease ? 'lease' : 'write', what: `kube ${what}` },
        perform,
        signal,
      );
    };
    return {
      ...real,
      get: (resource, of, more) =>
        read(`get ${ref(resource, of)}`, () => real.get(resource, of), more?.signal),
      list: (resource, scope) =>
        read(`list ${resource.plural}`, () => real.list(resource, scope), scope?.signal),
      createToken: async (of, spec, more) => {
        if (state === 'dead') return never();
        beforeWrite();
        return read(`token ${of.namespace}/${of.name}`, () => real.createToken(of, spec), more?.signal);
      },
      raw: (request) =>
        request.method === 'GET'
          ? read(`GET ${request.path}`, () => real.raw(request), request.signal)
          : write(`${request.method} ${request.path}`, () => real.raw(request), request.signal),
      create: (resource, object, more) =>
        more?.dryRun
          ? read(
              `try ${ref(resource, object.metadata)}`,
              () => real.create(resource, object, more),
              more.signal,
            )
          : write(
              `create ${ref(resource, object.metadata)}`,
              () => real.create(resource, object, more),
              more?.signal,
            ),
      update: (resource, object, more) =>
        write(
          `update ${ref(resource, object.metadata)}`,
          () => real.update(resource, object, more),
          more?.signal,
        ),
      updateStatus: (resource, object, more) =>
        write(
          `status ${ref(resource, object.metadata)}`,
          () => real.updateStatus(resource, object, more),
          more?.signal,
        ),
      apply: (resource, object, more) =>
        write(
          `apply ${ref(resource, object.metadata)}${more.subresource ? ` ${more.subresource}` : ''}`,
          () => real.apply(resource, object, more),
          more.signal,
        ),
      patch: (resource, of, patch, more) =>
        write(`patch ${ref(resource, of)}`, () => real.patch(resource, of, patch, more), more.signal),
      delete: (resource, of, more) =>
        write(`delete ${ref(resource, of)}`, () => real.delete(resource, of, more), more?.signal),
      async *watch(resource, scope) {
        for await (const event of real.watch(resource, scope)) {
          await running();
          yield event as never;
        }
      },
    };
  }
}

function untilAborted<T>(answer: Promise<T>, signal: AbortSignal, hears: () => boolean): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      if (hears()) reject(signal.reason as Error);
    };
    signal.addEventListener('abort', stop, { once: true });
    const done = (): void => signal.removeEventListener('abort', stop);
    answer.then(resolve, reject).finally(done);
  });
}

function broken(system: Request['system'], code: 'reset' | 'refused'): Error {
  const message = code === 'reset' ? 'the connection broke after the request was sent' : 'connection refused';
  if (system === 'kube') return new KubeUnreachableError(code, 'https://simulated', message);
  return Object.assign(new Error(message), { code: code === 'reset' ? 'ECONNRESET' : 'ECONNREFUSED' });
}

const refusals: Readonly<Record<'failed' | 'throttled' | 'denied', (system: Request['system']) => Error>> = {
  failed: (system) =>
    system === 'kube'
      ? new KubeApiError({ code: 500, reason: 'InternalError', message: 'an internal error occurred' })
      : awsError('ServiceFailureException', 'An internal error occurred'),
  throttled: (system) =>
    system === 'kube'
      ? new KubeApiError({ code: 429, reason: 'TooManyRequests', message: 'too many requests' })
      : awsError('Throttling', 'Rate exceeded'),
  denied: (system) =>
    system === 'kube'
      ? new KubeApiError({ code: 403, reason: 'Forbidden', message: 'forbidden' })
      : awsError('AccessDenied', 'not authorized'),
};
