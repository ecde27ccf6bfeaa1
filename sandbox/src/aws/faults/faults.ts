/**
 * Decides which calls get a fault. All random numbers come from one seeded generator, so a run with the same calls in
 * the same order gets the same faults.
 */
import { matchesPattern } from '../../../../src/identity/index.ts';
import type { InjectedFault } from '../journal.ts';
import type { CallDescription, ServiceName } from '../wire/service.ts';
import { AwsError } from '../wire/service.ts';
import type { FaultRule, FaultSettings, FaultSettingsInput, Span } from './settings.ts';
import { faultSettings } from './settings.ts';
import { createTokenBucket } from './token-bucket.ts';
import type { TokenBucket } from './token-bucket.ts';

export type CallFault = {
  readonly latencyMs: number;
  readonly error?: AwsError;
  readonly drop?: 'beforeCall' | 'afterCall';
  readonly fault?: InjectedFault;
};

export type Faults = {
  /** The active settings. In each rule, `times` is the number of times that the rule will still apply. */
  readonly settings: () => FaultSettings;
  /**
   * Replaces all settings; a setting that is absent is turned off.
   * @throws ZodError for invalid settings
   */
  readonly set: (settings: FaultSettingsInput) => void;
  readonly onCall: (service: ServiceName, call: CallDescription, now: number) => CallFault;
  /** Decides at random whether the response to a call that changed state is lost. */
  readonly losesResponse: () => boolean;
  /** Returns a random point in time. The current IAM read returns the state that IAM had at that time. */
  readonly readsAsOf: (now: number) => number;
  /** Returns a point in time. STS and authorization use the state that IAM had at that time. */
  readonly authorisesAsOf: (now: number) => number;
};

export function createFaults(initial: FaultSettingsInput = {}): Faults {
  let settings = faultSettings.parse(initial);
  let random = mulberry32(settings.seed);
  let rules = settings.rules.map(toActiveRule);
  let buckets: readonly { services: readonly ServiceName[]; bucket: TokenBucket }[] = [];

  const apply = (next: FaultSettings): void => {
    settings = next;
    random = mulberry32(next.seed);
    rules = next.rules.map(toActiveRule);
    buckets = next.throttles.map(({ services, ratePerSecond, burst }) => ({
      services,
      bucket: createTokenBucket(ratePerSecond, burst),
    }));
  };
  apply(settings);

  const draw = (span: Span): number =>
    typeof span === 'number' ? span : span[0] + random() * (span[1] - span[0]);

  const takeRule = (service: ServiceName, call: CallDescription): FaultRule | undefined => {
    const index = rules.findIndex(
      (active) =>
        active.rule.service === service && active.action(call.action) && active.resource(call.resource),
    );
    const active = rules[index];
    if (!active) return undefined;
    if (active.left !== undefined) {
      active.left -= 1;
      if (active.left === 0) rules.splice(index, 1);
    }
    return active.rule;
  };

  return {
    settings: () => ({
      ...settings,
      rules: rules.map(({ rule, left }) => (left === undefined ? rule : { ...rule, times: left })),
    }),
    set: (next) => apply(faultSettings.parse(next)),
    onCall: (service, call, now) => {
      const latencyMs = draw(settings.latencyMs);
      // A call takes a token from every bucket even if the call is throttled, because AWS counts throttled calls too.
      const throttled = buckets.filter(
        ({ services, bucket }) => services.includes(service) && !bucket.take(now),
      );
      if (throttled.length > 0) return { latencyMs, error: throttling(service), fault: 'throttled' };
      if (settings.errorRate > 0 && random() < settings.errorRate) {
        return { latencyMs, error: internalFailure(service), fault: 'failed' };
      }
      // Fault rules come last, so that a call that already failed for another reason does not use up a rule.
      const rule = takeRule(service, call);
      return rule === undefined ? { latencyMs } : underRule(rule, latencyMs + draw(rule.latencyMs ?? 0));
    },
    losesResponse: () => settings.lostResponseRate > 0 && random() < settings.lostResponseRate,
    readsAsOf: (now) => now - draw(settings.readStalenessMs),
    authorisesAsOf: (now) => now - settings.propagationMs,
  };
}

type ActiveRule = {
  readonly rule: FaultRule;
  readonly action: (name: string) => boolean;
  readonly resource: (arn: string) => boolean;
  left: number | undefined;
};

const toActiveRule = (rule: FaultRule): ActiveRule => ({
  rule,
  action: matcher(rule.action),
  resource: matcher(rule.resource),
  left: rule.times,
});

function matcher(pattern: string | undefined): (text: string) => boolean {
  if (pattern === undefined || pattern === '*') return () => true;
  return (text) => matchesPattern(text, pattern);
}

function underRule(rule: FaultRule, latencyMs: number): CallFault {
  if (rule.error) return { latencyMs, error: ruleError(rule.error), fault: 'rule' };
  switch (rule.drop) {
    case 'beforeCall':
      return { latencyMs, drop: rule.drop, fault: 'droppedBeforeCall' };
    case 'afterCall':
      return { latencyMs, drop: rule.drop, fault: 'responseLost' };
    case undefined:
      return { latencyMs, fault: 'rule' };
  }
}

const ruleError = (error: NonNullable<FaultRule['error']>): AwsError =>
  new AwsError(
    error.code,
    error.message ?? `Injected ${error.code}`,
    error.status ?? (error.code === 'ServiceFailure' ? 500 : 400),
  );

function throttling(service: ServiceName): AwsError {
  switch (service) {
    case 'iam':
    case 'sts':
      return new AwsError('Throttling', 'Rate exceeded', 400);
    case 'eks':
    case 'eks-auth':
      return new AwsError('ThrottlingException', 'Rate exceeded', 429);
    case 's3':
      return new AwsError('SlowDown', 'Please reduce your request rate.', 503);
  }
}

function internalFailure(service: ServiceName): AwsError {
  switch (service) {
    case 'iam':
      return new AwsError('ServiceFailure', 'An internal error occurred', 500);
    case 'sts':
      return new AwsError('InternalFailure', 'An internal error occurred', 500);
    case 'eks':
      return new AwsError('ServerException', 'An internal error occurred', 500);
    case 'eks-auth':
      return new AwsError('InternalServerException', 'An internal error occurred', 500);
    case 's3':
      return new AwsError('InternalError', 'We encountered an internal error. Please try again.', 500);
  }
}

/** A small generator with 32 bits of state, which is random enough for faults. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
