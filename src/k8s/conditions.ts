/**
 * Status conditions that follow the Kubernetes API conventions, so that `kubectl wait` and the health checks of GitOps tools work
 * without knowing the kind.
 * https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties
 */
import { formatTime, type Wall } from './time.ts';

export type ConditionStatus = 'True' | 'False' | 'Unknown';

export type Condition = {
  readonly type: string;
  readonly status: ConditionStatus;
  readonly observedGeneration?: number | undefined;
  /** RFC 3339 with whole seconds. */
  readonly lastTransitionTime: string;
  /** Machine-readable reason in CamelCase. */
  readonly reason: string;
  /** Human-readable sentence. */
  readonly message: string;
};

/** Condition without its transition time and generation. */
export type ConditionDraft = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** Condition in the status of a built-in kind, such as a pod. Its reason and message are optional. */
export type ObjectCondition = Pick<Condition, 'type'> & {
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
};

export function conditionDraft<Type extends string>(
  type: Type,
  status: ConditionStatus,
  reason: string,
  message: string,
): ConditionDraft & { readonly type: Type } {
  return { type, status, reason, message };
}

/** Syntax of reasons that the API server accepts. Source: metav1.Condition. */
export const reasonPattern = /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/;

/** Maximum length of a message in characters. Source: metav1.Condition. */
const maxMessageLength = 32_768;

/**
 * Converts the drafts to conditions, in their order. `lastTransitionTime` changes only when `status` changes. Previous
 * conditions are dropped if no draft has their type.
 *
 * @throws TypeError for a reason that the API server would refuse
 */
export function setConditions(
  previous: readonly Condition[] | undefined,
  drafts: readonly ConditionDraft[],
  { generation, now }: { readonly generation: number | undefined; readonly now: Wall },
): Condition[] {
  return drafts.map(({ type, status, reason, message }) => {
    if (!reasonPattern.test(reason))
      throw new TypeError(`the reason "${reason}" of condition ${type} is not a CamelCase word`);
    const before = findCondition(previous, type);
    return {
      type,
      status,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      lastTransitionTime: before?.status === status ? before.lastTransitionTime : formatTime(now),
      reason,
      message: message.slice(0, maxMessageLength),
    };
  });
}

export function findCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/**
 * Whether the condition has the status `True`. Returns false if the condition is absent or its status is `Unknown`.
 */
export function isConditionTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return findCondition(conditions, type)?.status === 'True';
}
