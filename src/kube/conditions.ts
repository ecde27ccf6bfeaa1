/**
 * Status conditions as the Kubernetes API conventions have them, so that `kubectl wait` and health checks of GitOps
 * tools work without knowing the kind.
 * https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties
 */
import type { Now } from './timing.ts';

export type ConditionStatus = 'True' | 'False' | 'Unknown';

export type Condition = {
  readonly type: string;
  readonly status: ConditionStatus;
  /** PascalCase, for machines. */
  readonly reason: string;
  /** A sentence, for people. */
  readonly message: string;
  readonly observedGeneration?: number;
  /** RFC 3339 with whole seconds. */
  readonly lastTransitionTime: string;
};

export type ConditionInput = Omit<Condition, 'lastTransitionTime'>;

const reasonPattern = /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/;

/** The form of `metav1.Time` on the wire: RFC 3339, UTC, whole seconds. */
export function formatTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** The form of `metav1.MicroTime` on the wire: RFC 3339, UTC, microseconds. */
export function formatMicroTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '000Z');
}

/**
 * Sets one condition. `lastTransitionTime` moves only when `status` changes. Returns the very same list when nothing
 * changed, so that a caller can tell by identity whether there is anything to write. Other conditions keep their place.
 *
 * @param now wall clock, milliseconds since the epoch
 * @throws TypeError for a reason which the API server would refuse (empty, or not a CamelCase word)
 */
export function setCondition(
  conditions: readonly Condition[],
  next: ConditionInput,
  now: Now,
): readonly Condition[] {
  if (!reasonPattern.test(next.reason))
    throw new TypeError(`"${next.reason}" is no reason of a condition: it has to be a CamelCase word`);
  const index = conditions.findIndex((condition) => condition.type === next.type);
  const old = conditions[index];
  if (!old) return [...conditions, { ...next, lastTransitionTime: formatTime(now()) }];
  if (
    old.status === next.status &&
    old.reason === next.reason &&
    old.message === next.message &&
    old.observedGeneration === next.observedGeneration
  )
    return conditions;
  const lastTransitionTime = old.status === next.status ? old.lastTransitionTime : formatTime(now());
  return conditions.with(index, { ...next, lastTransitionTime });
}

export function findCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** True only for status `True`: a condition that is absent or `Unknown` is not true. */
export function isConditionTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return findCondition(conditions, type)?.status === 'True';
}
