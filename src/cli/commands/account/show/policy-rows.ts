/** Policies of an account: those that it lists, and those that are attached although it no longer lists them. Pure. */
import type { LinkedServiceAccount, PolicyStatus } from '../../../../api/linked-service-account.ts';
import { policyEntries } from '../../../../identity/desired/policy-entries.ts';
import { isPolicyName, mayName } from '../../../../identity/desired/policy-names.ts';

/** A policy that the operator has not processed is shown as not attached, and by its name if its ARN is unknown. */
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
