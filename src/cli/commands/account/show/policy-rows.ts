/** Returns the policies that an account lists, and policies that only its status still contains. Pure. */
import type { LinkedServiceAccount, PolicyStatus } from '../../../../api/linked-service-account.ts';
import { policyEntries } from '../../../../identity/desired/policy-entries.ts';
import { isPolicyName, mayName } from '../../../../identity/desired/policy-names.ts';

/**
 * Returns one row per policy. A policy that the operator has not processed has a row with `attached: false`, and with
 * its name if the ARN is unknown.
 */
export function policyRows({ spec, status }: LinkedServiceAccount): readonly PolicyStatus[] {
  const known = new Map(status?.policies?.map((policy) => [policy.arn, policy]));
  const rowOf = (entry: string): PolicyStatus =>
    known.get(entry) ??
    [...known.values()].find(({ arn }) => isPolicyName(entry) && mayName(entry, arn)) ?? {
      arn: entry,
      attached: false,
    };
  const listed = [...new Set(policyEntries(spec.aws).map(rowOf))];
  return [...listed, ...[...known.values()].filter((policy) => !listed.includes(policy))];
}
