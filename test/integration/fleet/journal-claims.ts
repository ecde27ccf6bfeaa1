/** Claims about the operator's calls in the AWS journal that must hold at every moment, not only at the end. */
import type { JournalEntry } from '../../../sandbox/src/aws/journal.ts';
import type { Wish } from './edits.ts';

/**
 * A list of policies still counts for this time, in milliseconds, after an edit has replaced it: the operator acts on a
 * state that it observed a moment ago, and its call may have waited in a queue.
 */
const slackMs = 10_000;

const nameOf = (arn: string): string => arn.slice(arn.lastIndexOf('/') + 1);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/**
 * Finds policies that the operator detached although the account listed them all the time, or that it detached before
 * all listed policies were attached. Out-of-band calls do not count, because the operator cannot consider changes that
 * it has not observed yet.
 */
export function attachmentGaps(
  journal: readonly JournalEntry[],
  operator: string,
  wishesByRole: ReadonlyMap<string, readonly Wish[]>,
): readonly string[] {
  const gaps: string[] = [];
  const attached = new Map<string, Set<string>>();
  for (const { action, resource, parameters, changed, caller, time } of journal) {
    if (!changed || caller !== operator) continue;
    const role = nameOf(resource);
    const policy = text(parameters['PolicyArn']);
    const on = attached.get(role) ?? new Set();
    attached.set(role, on);
    if (action === 'CreateRole' || action === 'DeleteRole') on.clear();
    if (action === 'AttachRolePolicy') on.add(policy);
    if (action !== 'DetachRolePolicy') continue;
    on.delete(policy);
    const lists = inForce(wishesByRole.get(role) ?? [], time);
    const allowed = lists.some(
      (list) => list === undefined || (!list.includes(policy) && list.every((wanted) => on.has(wanted))),
    );
    if (!allowed)
      gaps.push(`${new Date(time).toISOString()} ${role} lost ${policy}, and kept ${[...on].join(', ')}`);
  }
  return gaps;
}

/** Returns the policy lists that could have been current when the operator decided on a call that arrived at `time`. */
function inForce(wishes: readonly Wish[], time: number): readonly (readonly string[] | undefined)[] {
  return wishes
    .filter(({ from }, index) => from <= time && (wishes[index + 1]?.from ?? Infinity) >= time - slackMs)
    .map(({ policyArns }) => policyArns);
}

/** Finds the operator's calls that changed a foreign role. */
export function foreignChanges(
  journal: readonly JournalEntry[],
  operator: string,
  isOwn: (role: string) => boolean,
): readonly string[] {
  return journal
    .filter(({ changed, caller, resource }) => changed && caller === operator && !isOwn(nameOf(resource)))
    .map(({ action, resource }) => `${action} ${resource}`);
}
