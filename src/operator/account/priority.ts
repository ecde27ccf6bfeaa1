/**
 * Order of work on accounts: edits by a person first, then new accounts, which may arrive by the hundred, then
 * background work.
 */
import { unobserved, type LinkedServiceAccount } from '../../api/index.ts';
import type { CallPriority } from '../../aws/index.ts';
import { findCondition } from '../../k8s/conditions.ts';

/**
 * Priorities of queued accounts; the default is 0. A `yielded` account lets other accounts create their roles first. A
 * `resumed` account has yielded for the maximum time, and continues.
 */
export const priorities = { edited: 10, resumed: 6, created: 5, yielded: 4 };

/** Priority of the AWS calls that are made on behalf of the account. */
export function callPriorityOf({ metadata, status }: LinkedServiceAccount): CallPriority {
  const changed = status?.observedGeneration !== metadata.generation;
  const isNew = (status?.observedGeneration ?? unobserved) === unobserved;
  if (!isNew && changed) return 'interactive';
  const ready = findCondition(status?.conditions, 'Ready')?.status === 'True';
  return ready && !changed ? 'background' : 'new';
}
