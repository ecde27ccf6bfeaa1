/** Performs the calls of a scenario and compares each outcome with the outcome that the scenario expects. */
import type { Monotonic } from '../../../src/k8s/time.ts';
import type { Clients, ClientSet, Keys } from './clients.ts';
import { OutsidePlaceError } from './guard.ts';
import { comparedPart, describeExpected, differencesOf } from './matchers.ts';
import {
  operationOf,
  resolveCommand,
  type Kept,
  type Outcome,
  type Scenario,
  type Step,
  type StepCall,
} from './scenario.ts';

/** Settings for waiting until IAM has propagated a change. */
export type Settling = {
  /** Maximum time to repeat a call while its outcome differs from the expected one. 0 disables these repetitions. */
  readonly timeoutMs: number;
  readonly now: () => Monotonic;
  /** Waits for the given time. Rejects when the run is interrupted. */
  readonly pause: (ms: number) => Promise<void>;
};

export type Runner = {
  readonly clients: Pick<ClientSet, 'of'>;
  /** Values that every scenario can use, for example tokens of an issuer. */
  readonly given: Kept;
  readonly settling: Settling;
  readonly signal?: AbortSignal | undefined;
};

export type Observed =
  | { readonly kind: 'answer'; readonly shape: object }
  | {
      readonly kind: 'error';
      readonly code: string;
      readonly status: number | undefined;
      readonly message: string;
    };

export type CallResult = {
  readonly operation: string;
  /** Name of the session that made the call; absent if the call used the administrator's credentials. */
  readonly as?: string;
  readonly status: 'equal' | 'different' | 'skipped';
  /** Expected outcome, as a JSON value. */
  readonly expected: unknown;
  /** Compared part of the actual outcome, as a JSON value; absent if the call was skipped. */
  readonly got?: unknown;
  readonly differences: readonly string[];
  /** Reason why the call was skipped. */
  readonly reason?: string;
  /** Number of calls until the outcome was as expected or the time ran out. */
  readonly attempts: number;
  /** Milliseconds from the first outcome to the last; 0 if there was only one call. */
  readonly settledMs: number;
};

/** @param onResult called after each step; `observed` is the complete outcome, or undefined if the step was skipped */
export async function runScenario(
  scenario: Scenario,
  runner: Runner,
  onResult: (result: CallResult, step: Step, observed: Observed | undefined) => void,
): Promise<void> {
  const kept: Record<string, string> = { ...runner.given };
  const sessions = new Map<string, Keys>();
  for (const step of scenario.steps) {
    runner.signal?.throwIfAborted();
    const missing = missingOf(scenario, step, { kept, sessions });
    if (missing !== undefined) {
      onResult({ ...callOf(step), status: 'skipped', reason: missing }, step, undefined);
      continue;
    }
    const clients = runner.clients.of(step.as === undefined ? undefined : sessions.get(step.as));
    const { observed, attempts, settledMs } = await settle(step, clients, kept, runner);
    const differences = compare(observed, step.gives);
    onResult(
      {
        ...callOf(step),
        status: differences.length === 0 ? 'equal' : 'different',
        got: describeObserved(observed, step.gives),
        differences,
        attempts,
        settledMs,
      },
      step,
      observed,
    );
    if (observed.kind !== 'answer') continue;
    for (const [name, path] of Object.entries(step.keep ?? {}))
      kept[name] = String(valueAt(observed.shape, path));
    if (step.keepCredentials === undefined) continue;
    sessions.set(step.keepCredentials, keysOf(observed.shape));
  }
}

const callOf = (step: Step): Omit<CallResult, 'status'> => ({
  operation: operationOf(step),
  ...(step.as === undefined ? {} : { as: step.as }),
  expected: describeOutcome(step.gives),
  differences: [],
  attempts: 0,
  settledMs: 0,
});

/** Returns the reason why the step cannot run; undefined if it can run. */
function missingOf(
  scenario: Scenario,
  { as, needs }: Step,
  { kept, sessions }: { readonly kept: Kept; readonly sessions: ReadonlyMap<string, Keys> },
): string | undefined {
  if (scenario.skip !== undefined) return scenario.skip;
  if (needs !== undefined && kept[needs] === undefined)
    return `a real issuer does not sign the token ${needs}`;
  if (as !== undefined && !sessions.has(as)) return 'an earlier call returned no credentials for the session';
  return undefined;
}

const firstPauseMs = 200;
const longestPauseMs = 2000;
const throttled = /^(Throttl|TooManyRequests|RequestLimitExceeded|SlowDown|ServiceUnavailable)/;
const mostThrottledCalls = 12;

/**
 * Repeats the call in three cases: the outcome differs from the expected one, possibly because IAM has not propagated a
 * change yet; AWS throttles the call; or the call reports a job that is still running.
 */
async function settle(
  step: Step,
  clients: Clients,
  kept: Kept,
  { settling: { timeoutMs, now, pause }, signal }: Runner,
): Promise<{ readonly observed: Observed; readonly attempts: number; readonly settledMs: number }> {
  let observed = await perform(step, clients, kept, signal);
  const first = now();
  let refusals = 0;
  let attempts = 1;
  for (let pauseMs = Math.min(firstPauseMs, timeoutMs); ; pauseMs = Math.min(pauseMs * 1.5, longestPauseMs)) {
    const isThrottled = observed.kind === 'error' && throttled.test(observed.code);
    if (isThrottled) refusals += 1;
    const isRunning = isJobRunning(step, observed);
    const goesOn = isThrottled
      ? refusals <= mostThrottledCalls
      : isRunning
        ? now() - first < longestJobMs
        : now() - first < timeoutMs && mayStillPropagate(step, observed);
    if (!goesOn) break;
    await pause(isThrottled || isRunning ? Math.max(pauseMs, firstPauseMs) : pauseMs);
    observed = await perform(step, clients, kept, signal);
    attempts += 1;
  }
  return { observed, attempts, settledMs: attempts === 1 ? 0 : Math.round(now() - first) };
}

/** Maximum time that a run waits for a job of IAM, such as an access report, in milliseconds. */
const longestJobMs = 60_000;

function isJobRunning(step: Step, observed: Observed): boolean {
  return (
    step.while !== undefined &&
    observed.kind === 'answer' &&
    differencesOf(observed.shape, step.while).length === 0
  );
}

/** Operations that can be repeated whatever the response was. */
const repeatable = /^(Get|List|Head|Describe|Simulate|AssumeRole)/;

/**
 * Whether the outcome differs from the expected one, and a repetition of the call can produce the expected one. A
 * refused write is repeated, because it changed nothing. A write that was unexpectedly accepted is not repeated.
 */
function mayStillPropagate(step: Step, observed: Observed): boolean {
  if (compare(observed, step.gives).length === 0) return false;
  return repeatable.test(operationOf(step)) || (step.gives.kind === 'answer' && observed.kind === 'error');
}

/**
 * Sends one call.
 * @throws OutsidePlaceError, or the abort reason of the run
 */
async function perform(
  step: Step,
  clients: Clients,
  kept: Kept,
  abortSignal: AbortSignal | undefined,
): Promise<Observed> {
  const options = abortSignal ? { abortSignal } : {};
  try {
    const first = await send(step, clients, kept, options);
    return step.paged === undefined
      ? first
      : await joinPages(step, step.paged, first, { clients, kept, options });
  } catch (error) {
    if (error instanceof OutsidePlaceError) throw error;
    abortSignal?.throwIfAborted();
    const { name, message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
    return {
      kind: 'error',
      // The SDK appends `Exception` to the names of modelled errors; the response does not contain this suffix.
      code: name.replace(/Exception$/, ''),
      status: $metadata?.httpStatusCode,
      message,
    };
  }
}

type SendOptions = { readonly abortSignal?: AbortSignal };

async function send(
  step: StepCall,
  clients: Clients,
  kept: Kept,
  options: SendOptions,
  marker?: string,
): Promise<Observed & { kind: 'answer' }> {
  // Each command is sent with the client of its own service. TypeScript cannot derive the client from the union of the
  // command types.
  const command = (given: object): never => {
    if (marker === undefined) return given as never;
    const { input, constructor } = given as { input: object; constructor: new (input: object) => object };
    return new constructor({ ...input, Marker: marker }) as never;
  };
  if ('iam' in step) return read(clients.iam.send(command(resolveCommand(step.iam, kept)), options));
  if ('sts' in step) return read(clients.sts.send(command(resolveCommand(step.sts, kept)), options));
  if ('eks' in step) return read(clients.eks.send(command(resolveCommand(step.eks, kept)), options));
  return read(clients.s3.send(command(resolveCommand(step.s3, kept)), options));
}

/** Follows IAM's `Marker`, and joins the elements of one list from all pages. */
async function joinPages(
  step: StepCall,
  list: string,
  first: Observed & { kind: 'answer' },
  { clients, kept, options }: { clients: Clients; kept: Kept; options: SendOptions },
): Promise<Observed> {
  const elements = [...((valueAt(first.shape, list) as unknown[] | undefined) ?? [])];
  for (let page: object = first.shape; valueAt(page, 'IsTruncated') === true;) {
    page = (await send(step, clients, kept, options, String(valueAt(page, 'Marker')))).shape;
    elements.push(...((valueAt(page, list) as unknown[] | undefined) ?? []));
  }
  return { kind: 'answer', shape: { ...first.shape, [list]: elements } };
}

async function read(sent: Promise<unknown>): Promise<Observed & { kind: 'answer' }> {
  const { $metadata: _, Body: body, ...shape } = (await sent) as Record<string, unknown>;
  // The body is a stream, and the expectation applies to its text.
  const text = isBody(body) ? { Body: await body.transformToString() } : {};
  return { kind: 'answer', shape: { ...shape, ...text } };
}

function isBody(value: unknown): value is { transformToString: () => Promise<string> } {
  return typeof value === 'object' && value !== null && 'transformToString' in value;
}

/** @returns one sentence for each difference between the observed outcome and the expected one */
export function compare(observed: Observed, wanted: Outcome): readonly string[] {
  if (wanted.kind === 'answer')
    return observed.kind === 'answer'
      ? differencesOf(observed.shape, wanted.shape)
      : [
          `expected a successful response, got the error ${observed.code} (${observed.status}): ${observed.message}`,
        ];
  const { code, status, message } = wanted;
  if (observed.kind === 'answer')
    return [`expected the error ${code} (${status}), got a successful response`];
  const fits =
    message === undefined ||
    (typeof message === 'string' ? observed.message === message : message.test(observed.message));
  return [
    ...(observed.code === code && observed.status === status
      ? []
      : [
          `expected the error ${code} (${status}), got ${observed.code} (${observed.status}): ${observed.message}`,
        ]),
    ...(fits ? [] : [`expected the message ${String(message)}, got ${observed.message}`]),
  ];
}

function describeOutcome(outcome: Outcome): unknown {
  if (outcome.kind === 'answer') return { answer: describeExpected(outcome.shape) };
  const { code, status, message } = outcome;
  return { error: code, status, ...(message === undefined ? {} : { message: String(message) }) };
}

function describeObserved(observed: Observed, wanted: Outcome): unknown {
  if (observed.kind === 'error') {
    const { code, status, message } = observed;
    return { error: code, status, message };
  }
  return { answer: wanted.kind === 'answer' ? comparedPart(observed.shape, wanted.shape) : {} };
}

function keysOf(shape: object): Keys {
  const value = (name: string): string => String(valueAt(shape, `Credentials.${name}`));
  return {
    accessKeyId: value('AccessKeyId'),
    secretAccessKey: value('SecretAccessKey'),
    sessionToken: value('SessionToken'),
  };
}

function valueAt(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], value);
}
