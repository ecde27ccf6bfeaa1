/** Reports, after a write, until when AWS sessions of targets that it unlinked may live. */
import type { LinkedServiceAccount } from '../../api/linked-service-account.ts';
import { sessionsNote } from '../../identity/plan/sessions.ts';

/** @returns a line for each target that became a former one */
export function unlinkedLines(
  before: LinkedServiceAccount['status'],
  { metadata: { name }, status }: LinkedServiceAccount,
): readonly string[] {
  const known = new Set(before?.formerTargets?.map((entry) => entry.name));
  return (status?.formerTargets ?? [])
    .filter((entry) => !known.has(entry.name))
    .map((entry) => `‼ ${sessionsNote(entry, name)}`);
}
