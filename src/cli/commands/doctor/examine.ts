/**
 * Runs the checks one after the other. If a check fails, the checks that need it are skipped, because their results
 * would show nothing new.
 */
import { isDenied } from '../../framework/denied.ts';
import { explain } from '../../framework/explain.ts';
import { failure, warning, type Check, type Verdict } from './check.ts';
import type { Lookups } from './lookups.ts';
import type { Monotonic } from '../../../k8s/time.ts';

export type Finding = {
  readonly check: Check;
  readonly verdict: Verdict | { readonly status: 'skipped'; readonly message: string };
};

export type Examination = {
  readonly checks: readonly Check[];
  /**
   * Creates the lookups of one round of checks. Each round reads everything again instead of reusing results of an
   * earlier round.
   */
  readonly lookups: () => Lookups;
  readonly signal: AbortSignal;
  /** Monotonic clock in milliseconds. */
  readonly monotonic: () => Monotonic;
  /** Time on the monotonic clock until which a failed check is repeated. */
  readonly deadline: number;
  readonly pause: () => Promise<void>;
  readonly onFinding: (finding: Finding) => void;
  /** Called before each repetition of a failed check. */
  readonly onWaiting: (check: Check, verdict: Exclude<Verdict, { status: 'ok' }>) => void;
};

export async function examine(of: Examination): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const failed = new Set<string>();
  let lookups = of.lookups();
  try {
    for (const check of of.checks) {
      const lacking = check.needs.filter((id) => failed.has(id));
      const found = (verdict: Finding['verdict']): void => {
        const finding = { check, verdict };
        findings.push(finding);
        of.onFinding(finding);
      };
      if (lacking.length > 0) {
        failed.add(check.id);
        found({ status: 'skipped', message: `needs ${lacking.join(', ')}` });
        continue;
      }
      let verdict = await judge(check, lookups, of.signal);
      while (verdict.status === 'error' && check.mayPass && of.monotonic() < of.deadline) {
        of.onWaiting(check, verdict);
        await of.pause();
        lookups.close();
        lookups = of.lookups();
        verdict = await judge(check, lookups, of.signal);
      }
      if (verdict.status === 'error') failed.add(check.id);
      found(verdict);
    }
  } finally {
    lookups.close();
  }
  return findings;
}

async function judge(check: Check, lookups: Lookups, signal: AbortSignal): Promise<Verdict> {
  try {
    return await check.run(lookups);
  } catch (error) {
    signal.throwIfAborted();
    const { message, details, next } = explain(error);
    // A denied request causes only a warning, because a denial shows nothing about the state of the cluster.
    const unseen = check.id !== 'aws-credentials' && check.id !== 'api-server' && isDenied(error);
    return unseen
      ? warning(`permission denied: ${details[0] ?? message}`)
      : failure(message, [...details, ...next]);
  }
}
