/** A modelled cluster and a modelled AWS account with the operator's real engine between them. */
import { clusterConfigs, type ClusterConfig, type ClusterConfigSpec } from '../../src/api/index.ts';
import { resources, type Logger } from '../../src/kube/index.ts';
import type { Change } from './api-server/change-log.ts';
import { createSimulatedApiServer, type SimulatedApiServer } from './api-server/simulated-api-server.ts';
import { startOperatorProcess, type Fate, type OperatorProcess, type Request } from './operator-process.ts';
import { createDraws } from './random.ts';
import { createSimulatedAws, type SimulatedAws } from './simulated-aws.ts';
import { modelWorkloads, type Workloads } from './simulated-workloads.ts';
import { createVirtualTime, type VirtualTime } from './virtual-time.ts';
import { after } from '../../src/k8s/time.ts';

/** Faults that the operator has to cope with. An absent part means none. */
export type FaultSchedule = {
  readonly fate?: (request: Request, now: number) => Fate;
  /** How long after a change watches tell of it. Milliseconds, as all of these. */
  readonly lagMs?: (now: number) => number;
  /** How old the view is that a process begins with. `starts`: how many were started before it. */
  readonly ageMs?: (starts: number) => number;
  /** Age of the server's cache, which answers requests for any state, in milliseconds. */
  readonly cacheAgeMs?: (now: number) => number;
  /** Whether no watch reports this change, by its number among the watched changes. A later list shows it. */
  readonly misses?: (index: number) => boolean;
  /** How far the operator's wall clock is ahead. Its delays use the monotonic clock. */
  readonly clockOffsetMs?: () => number;
  readonly readLagMs?: (now: number) => number;
  readonly trustLagMs?: (now: number) => number;
};

export type SimulationOptions = {
  readonly faults?: FaultSchedule;
  readonly seed?: number;
  /** Processes that take turns; one, which takes none, when absent. */
  readonly leases?: { readonly processes: number; readonly durationMs: number };
  /** Without leases: how many there are by mistake, which take no turns; one when absent. */
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
  /** Every write that the operator sent, in order. */
  readonly writes: readonly Sent[];
  /** Writes that were not refused. */
  readonly effects: readonly Sent[];
  /** Every read that the operator sent. */
  readonly reads: readonly Sent[];
  /** Every request that a server did not carry out for reasons of its own. */
  readonly failures: readonly Sent[];
  /** Requests that a process repeated so often within one moment that it was stopped. */
  readonly busy: readonly Sent[];
  /** Called right before a write of the operator is carried out; what it returns is called when it was not refused. */
  onArrival(listener: (sent: Sent) => (() => void) | undefined): void;
  /** Processes that are alive. */
  readonly processes: readonly OperatorProcess[];
  /** How many were ever started. */
  starts(): number;
  /** Every change that watches were to report, in words and in order. */
  readonly news: readonly string[];
  /** Ends what is alive; it comes back at once. */
  restart(): void;
};

export const issuer = 'https://oidc.eks.us-west-2.amazonaws.com/id/SIMULATED';
export const targets = ['production', 'staging'];
export const driftIntervalMs = 60_000;

/** As long as a process takes to come back, in milliseconds. */
export const restartMs = 1_000;

/** Time until watches break that have missed a change, so that their clients list again. Milliseconds. */
export const missedUntilMs = 20_000;

export const clusterSpec: ClusterConfigSpec = {
  targets,
  aws: { region: 'us-west-2', rolePath: '/konstellation/', driftIntervalSeconds: driftIntervalMs / 1000 },
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

  /** Two watches of one resource miss the same. */
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
        // The view is old only when the process begins: its watches catch up with it.
        view: {
          lagMs: () => faults.lagMs?.(time.now()) ?? 0,
          ageMs: (asks) =>
            Math.max(
              age - (time.now() - startedAt),
              asks === 'any' ? (faults.cacheAgeMs?.(time.now()) ?? 0) : 0,
              0,
            ),
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
