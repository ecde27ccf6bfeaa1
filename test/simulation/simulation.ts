/** A simulated cluster and a simulated AWS account, with the operator's real engine between them. */
import { clusterConfigs, type ClusterConfig, type ClusterConfigSpec } from '../../src/api/index.ts';
import { resources, type Logger } from '../../src/kube/index.ts';
import { startNode } from './agents.ts';
import type { Change } from './api-server/change-log.ts';
import { createSimulatedApiServer, type SimulatedApiServer } from './api-server/simulated-api-server.ts';
import { startOperatorProcess, type Fate, type OperatorProcess, type Request } from './operator-process.ts';
import { createDraws } from './random.ts';
import { createSimulatedAws, type SimulatedAws } from './simulated-aws.ts';
import { modelWorkloads, type Workloads } from './simulated-workloads.ts';
import { createVirtualTime, type VirtualTime } from './virtual-time.ts';
import { after } from '../../src/k8s/time.ts';

/** Faults that the operator has to handle. If a field is absent, there is no such fault. */
export type FaultSchedule = {
  readonly fate?: (request: Request, now: number) => Fate;
  /** Delay of watch events. All times in this type are in milliseconds. */
  readonly lagMs?: (now: number) => number;
  /** Age of a new process's initial view. `starts` is the number of earlier process starts. */
  readonly ageMs?: (starts: number) => number;
  /**
   * Age of the server's cache in milliseconds. It applies to a process's requests that accept any version. `starts` is
   * the same as in `ageMs`.
   */
  readonly cacheAgeMs?: (starts: number) => number;
  /**
   * Whether no watch reports this change, which is given by its index among all watched changes. A later list shows the
   * result of the change.
   */
  readonly misses?: (index: number) => boolean;
  /** Offset of the operator's wall clock from the simulated time. The operator's delays use the monotonic clock. */
  readonly clockOffsetMs?: () => number;
  readonly readLagMs?: (now: number) => number;
  readonly trustLagMs?: (now: number) => number;
};

export type SimulationOptions = {
  readonly faults?: FaultSchedule;
  readonly seed?: number;
  /** Processes that elect a leader. If absent, processes run without an election. */
  readonly leases?: { readonly processes: number; readonly durationMs: number };
  /**
   * Without `leases`: the number of processes that run without an election. More than one simulates a mistake of the
   * administrator. Default: one.
   */
  readonly processes?: number;
  /** Prepares the world before the operator starts. */
  readonly prepare?: (simulation: Simulation) => Promise<void>;
  readonly logger?: (process: string) => Logger;
};

export type Sent = { readonly at: number; readonly what: string; readonly process: string };

export type Simulation = {
  readonly time: VirtualTime;
  readonly server: SimulatedApiServer;
  readonly aws: SimulatedAws;
  readonly workloads: Workloads;
  /** All writes of the operator, in the order of sending. */
  readonly writes: readonly Sent[];
  /** Writes that were not refused. */
  readonly effects: readonly Sent[];
  /** All reads that the operator sent. */
  readonly reads: readonly Sent[];
  /** All requests that a server did not execute because of an internal error. */
  readonly failures: readonly Sent[];
  /** Requests that a process repeated so often in one moment that the process was stopped. */
  readonly busy: readonly Sent[];
  /**
   * Registers a listener that is called right before a write of the operator is executed. The function that it returns
   * is called if the write was not refused.
   */
  onArrival(listener: (sent: Sent) => (() => void) | undefined): void;
  /** Running processes. */
  readonly processes: readonly OperatorProcess[];
  /** Number of processes ever started. */
  starts(): number;
  /** Descriptions of all changes that watches had to report, in order. */
  readonly news: readonly string[];
  /** Ends all running processes; they are started again immediately. */
  restart(): void;
};

export const issuer = 'https://oidc.eks.us-west-2.amazonaws.com/id/SIMULATED';
export const targets = ['production', 'staging'];
export const driftIntervalMs = 60_000;

/** Time that the restart of a process takes, in milliseconds. */
export const restartMs = 1_000;

/** Time in milliseconds until a watch that missed a change is interrupted, so that its client lists again. */
export const missedUntilMs = 20_000;

export const clusterSpec: ClusterConfigSpec = {
  targets,
  aws: {
    region: 'us-west-2',
    rolePath: '/konstellation/',
    allowStatements: true,
    driftIntervalSeconds: driftIntervalMs / 1000,
    // Short enough that proofs are repeated within a simulated run, and longer than the operator may need to repair a
    // change.
    proofIntervalSeconds: 900,
  },
};

export async function startSimulation(options: SimulationOptions = {}): Promise<Simulation> {
  const { faults = {}, leases } = options;
  const time = createVirtualTime(Date.parse('2026-01-01T00:00:00Z'));
  const server = createSimulatedApiServer({ ...time, issuer });
  const aws = createSimulatedAws(time.now);
  const { readLagMs, trustLagMs } = faults;
  if (readLagMs) aws.readLagMs = () => readLagMs(time.now());
  if (trustLagMs) aws.trustLagMs = () => trustLagMs(time.now());
  const workloads = modelWorkloads(
    server,
    time,
    (namespace, name) => aws.eks.associationOf(namespace, name) !== undefined,
  );
  const writes: Sent[] = [];
  const effects: Sent[] = [];
  const reads: Sent[] = [];
  const failures: Sent[] = [];
  const busy: Sent[] = [];
  const arrivalListeners: ((sent: Sent) => (() => void) | undefined)[] = [];
  const processes: OperatorProcess[] = [];
  const news: string[] = [];
  const missed = new Map<number, boolean>();
  const draws = createDraws(options.seed ?? 1);
  let starts = 0;

  /** All watches of a resource miss the same changes. */
  const misses = ({ type, object: { kind, metadata }, version }: Change): boolean => {
    const known = missed.get(version);
    if (known !== undefined) return known;
    const isMissed = faults.misses?.(news.length) === true;
    missed.set(version, isMissed);
    news.push(`${type} ${kind} ${metadata.namespace ? `${metadata.namespace}/` : ''}${metadata.name}`);
    if (isMissed) time.setTimer(() => server.interruptWatches({ forget: true }), missedUntilMs);
    return isMissed;
  };

  const start = (name: string): void => {
    const age = faults.ageMs?.(starts) ?? 0;
    const cacheAge = faults.cacheAgeMs?.(starts) ?? 0;
    const startedAt = time.now();
    starts += 1;
    processes.push(
      startOperatorProcess({
        name,
        time,
        wallClock: () => after(time.wallClock(), faults.clockOffsetMs?.() ?? 0),
        server,
        aws,
        draws: draws.fork(`${name} ${starts}`),
        // Only the initial view of a process is old; its watches then catch up.
        view: {
          lagMs: () => faults.lagMs?.(time.now()) ?? 0,
          ageMs: (asks) => Math.max(age - (time.now() - startedAt), asks === 'any' ? cacheAge : 0, 0),
          misses,
        },
        fate: (request) => faults.fate?.(request, time.now()) ?? {},
        onWrite: (what, process) => writes.push({ at: time.now(), what, process }) - 1,
        onArrival(what, process) {
          const sent = { at: time.now(), what, process };
          const after = arrivalListeners.map((listener) => listener(sent));
          return () => {
            effects.push(sent);
            for (const tell of after) tell?.();
          };
        },
        onBusy: (what) => void busy.push({ at: time.now(), what, process: name }),
        onFailure: (what) => void failures.push({ at: time.now(), what, process: name }),
        onRead: (what) => void reads.push({ at: time.now(), what, process: name }),
        onDeath(process) {
          processes.splice(processes.indexOf(process), 1);
          time.setTimer(() => start(name), restartMs);
        },
        ...(options.logger ? { logger: options.logger(name) } : {}),
        ...(leases ? { lease: { durationMs: leases.durationMs } } : {}),
      }),
    );
  };

  const simulation: Simulation = {
    time,
    server,
    aws,
    workloads,
    writes,
    effects,
    reads,
    failures,
    busy,
    processes,
    onArrival: (listener) => void arrivalListeners.push(listener),
    starts: () => starts,
    news,
    restart() {
      for (const process of processes.slice()) process.kill();
    },
  };
  await server.client.create(resources.namespaces, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'default' },
  });
  await startNode(server);
  const config: ClusterConfig = {
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'ClusterConfig',
    metadata: { name: 'simulated' },
    spec: clusterSpec,
  };
  await server.client.create(clusterConfigs, config);
  await options.prepare?.(simulation);
  for (let index = 0; index < (leases?.processes ?? options.processes ?? 1); index += 1)
    start(`operator-${index + 1}`);
  return simulation;
}
