/** Conditions by the Kubernetes API conventions: `lastTransitionTime` moves only when `status` does. */
import type { Condition } from '../../api/index.ts';
import { conditionOf } from '../../api/index.ts';

export type Verdict = {
  readonly type: string;
  readonly status: Condition['status'];
  readonly reason: string;
  readonly message: string;
};

/** Messages in conditions may have 32,768 characters. Source: metav1.Condition. */
const maxMessage = 32_768;

/**
 * @param previous the conditions as they stand
 * @param now milliseconds
 */
export function withVerdicts(
  previous: readonly Condition[] | undefined,
  verdicts: readonly Verdict[],
  of: { readonly generation: number | undefined; readonly now: number },
): Condition[] {
  return verdicts.map((verdict) => {
    const before = conditionOf(previous, verdict.type);
    return {
      type: verdict.type,
      status: verdict.status,
      ...(of.generation === undefined ? {} : { observedGeneration: of.generation }),
      lastTransitionTime:
        before?.status === verdict.status
          ? before.lastTransitionTime
          : new Date(of.now).toISOString().replace(/\.\d{3}Z$/, 'Z'),
      reason: verdict.reason,
      message: verdict.message.slice(0, maxMessage),
    };
  });
}
