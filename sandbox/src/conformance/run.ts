/**
 * One run: measurements and scenarios in a real or emulated AWS account, and the removal of everything that they
 * created.
 */
import { errorMessage } from '../../../src/k8s/errors.ts';
import type { Monotonic, Wall } from '../../../src/k8s/time.ts';
import type { ClientSet } from './clients.ts';
import { createGuard, type Ledger } from './guard.ts';
import { findLeftovers, leftoverText, removeLeftovers, type Search } from './leftovers.ts';
import { beginLastUsed, experiments, readQuotas, type Measurement } from './measurements.ts';
import type { Place } from './place.ts';
import { countCalls, type AreaReport, type Report, type ScenarioReport } from './report.ts';
import { runScenario, type CallResult, type Runner } from './run-scenario.ts';
import { operationOf, resolveCommand, type Kept, type Scenario } from './scenario.ts';
import { scenariosIn } from './table/table.ts';

export type RunOptions = {
  readonly place: Place;
  readonly clients: ClientSet;
  /** Tokens of the cluster, keyed by their names in the scenario table. */
  readonly given: Kept;
  /** Maximum time for IAM to propagate a change, in milliseconds. */
  readonly propagationTimeoutMs: number;
  readonly signal: AbortSignal;
  readonly now: () => Monotonic;
  readonly wallClock: () => Wall;
  /** Waits for the given time. Rejects when the signal is aborted. */
  readonly pause: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Version of `kon`. */
  readonly version: string;
  readonly endpoint?: string | undefined;
  readonly onProgress: (line: string) => void;
  /** Runs the walkthrough at the end of the run. The walkthrough removes everything that it creates. */
  readonly walkthrough?: (() => Promise<AreaReport>) | undefined;
};

/**
 * @returns the report, even if the run was interrupted
 * @throws the error that ended the run, after everything was removed
 */
export async function runConformance(options: RunOptions): Promise<Report> {
  const { place, clients, signal, now, pause, onProgress, propagationTimeoutMs } = options;
  const guard = createGuard(place);
  clients.guardWith(guard);
  const runner: Runner = {
    clients,
    given: options.given,
    signal,
    settling: { timeoutMs: propagationTimeoutMs, now, pause: (ms) => pause(ms, signal) },
  };
  const measuring: Runner = { ...runner, clients: { of: clients.retrying } };
  const startedAt = new Date(options.wallClock()).toISOString();
  const started = now();
  const areas: AreaReport[] = [];
  const measurements: Measurement[] = [];
  let quotas: Report['quotas'] = {};
  let failure: { readonly error: unknown } | undefined;
  try {
    const lastUsed = await answered('last-used', () => beginLastUsed(place, measuring), measurements);
    for (const experiment of experiments)
      measurements.push(
        ...((await answered(experiment.id, () => experiment.run(place, measuring), measurements)) ?? []),
      );
    onProgress('measured how long IAM takes to propagate changes');
    for (const [name, scenarios] of Object.entries(scenariosIn(place)))
      await runArea(name, scenarios, runner, { areas, onProgress });
    if (options.walkthrough) {
      const area = await options.walkthrough();
      areas.push(area);
      onProgress(progressOf(area));
    }
    measurements.push(...((lastUsed && (await answered('last-used', lastUsed, measurements))) ?? []));
    quotas = (await answered('quotas', () => readQuotas(measuring), measurements)) ?? {};
  } catch (error) {
    failure = { error };
  }
  const { removed, left } = await removeRun(options, guard.ledger);
  if (failure && !signal.aborted) throw withLeftovers(failure.error, left);
  return {
    run: place.run,
    version: options.version,
    startedAt,
    durationSeconds: Math.round((now() - started) / 1000),
    accountId: place.accountId,
    partition: place.partition,
    region: place.region,
    caller: place.callerArn,
    endpoint: options.endpoint,
    cluster: place.cluster && {
      name: place.cluster.name,
      region: place.cluster.region,
      issuer: place.cluster.issuerHost,
    },
    interrupted: failure !== undefined,
    calls: countCalls(areas),
    areas,
    measurements,
    quotas,
    removed,
    left,
  };
}

/**
 * Runs an experiment (`measurements.ts`). If AWS responds with an error, the error is recorded as the result, and the
 * run continues.
 */
async function answered<T>(
  id: string,
  act: () => Promise<T>,
  measurements: Measurement[],
): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    const { name, message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
    if ($metadata?.httpStatusCode === undefined) throw error;
    measurements.push({ id, question: `The experiment ${id}`, answer: `failed: ${name}: ${message}` });
    return undefined;
  }
}

/**
 * Runs the scenarios of an area. Results are added as they arrive, so that the report of an interrupted run contains
 * them.
 */
async function runArea(
  name: string,
  scenarios: readonly Scenario[],
  runner: Runner,
  { areas, onProgress }: { readonly areas: AreaReport[]; readonly onProgress: (line: string) => void },
): Promise<void> {
  const reports: ScenarioReport[] = [];
  const area: AreaReport = { name, scenarios: reports };
  areas.push(area);
  for (const scenario of scenarios) {
    const calls: CallResult[] = [];
    reports.push({ name: scenario.name, calls });
    await runScenario(scenario, runner, (result) => calls.push(result));
  }
  onProgress(progressOf(area));
}

function progressOf(area: AreaReport): string {
  const { equal, different, skipped } = countCalls([area]);
  return `${area.name}: ${equal} calls equal, ${different} different, ${skipped} skipped`;
}

const mostRounds = 5;
const roundPauseMs = 1000;

/**
 * Repeats search and removal until two consecutive searches find nothing: a listing might not show the newest writes
 * yet, and an interrupted call might take effect late.
 */
async function removeRun(
  { place, clients, pause, propagationTimeoutMs, onProgress }: RunOptions,
  ledger: Ledger,
): Promise<{ readonly removed: number; readonly left: readonly string[] }> {
  const search: Search = {
    run: place.run,
    clusterName: place.cluster?.name,
    ledger,
    keys: keysIn(scenariosIn(place)),
  };
  const removed = new Set<string>();
  let left: readonly string[] = [];
  try {
    for (let round = 0, empty = 0; round < mostRounds && empty < 2; round += 1) {
      const { owned, unowned } = await findLeftovers(clients.retrying(), search);
      empty = owned.length === 0 ? empty + 1 : 0;
      if (owned.length > 0 && round === 0) onProgress(`removing ${owned.length} objects`);
      const failures = await removeLeftovers(clients.retrying(), owned, {
        clusterName: place.cluster?.name,
        onRemoved: (leftover) => removed.add(leftoverText(leftover)),
      });
      left = [
        ...unowned.map((leftover) => `${leftoverText(leftover)}: the object lacks the tag of the run`),
        ...failures,
      ];
      if (empty < 2 && propagationTimeoutMs > 0) await pause(roundPauseMs);
    }
  } catch (error) {
    left = [...left, `possibly other objects of run ${place.run}: ${errorMessage(error)}`];
  }
  return { removed: removed.size, left };
}

/** A run failed, and some of its objects may remain. */
export class UnfinishedRunError extends Error {
  readonly left: readonly string[];
  constructor(cause: unknown, left: readonly string[]) {
    super((cause as Error).message, { cause });
    this.left = left;
  }
}

const withLeftovers = (error: unknown, left: readonly string[]): unknown =>
  left.length === 0 ? error : new UnfinishedRunError(error, left);

/** @returns the keys of all S3 objects that the scenarios write */
export function keysIn(areas: ReturnType<typeof scenariosIn>): ReadonlySet<string> {
  const steps = Object.values(areas).flatMap((scenarios) => scenarios.flatMap((scenario) => scenario.steps));
  return new Set(
    steps.flatMap((step) =>
      's3' in step && /^(Put|Copy)Object$/.test(operationOf(step))
        ? [(resolveCommand(step.s3, {}) as { readonly input: { readonly Key: string } }).input.Key]
        : [],
    ),
  );
}
