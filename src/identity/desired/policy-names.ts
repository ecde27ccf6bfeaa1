/**
 * Names of managed policies. In each AWS account and partition, a name stands for one ARN, so that one manifest fits
 * every cluster: `aws/NAME` is `arn:PARTITION:iam::aws:policy/NAME`, and `account/NAME` is
 * `arn:PARTITION:iam::ACCOUNT:policy/NAME`.
 */
import type { ClusterFacts } from '../state/world.ts';
import { policyEntries, type PolicyLists } from './policy-entries.ts';

export type PolicyScope = Pick<ClusterFacts, 'partition' | 'accountId'>;

/** Whether the text has the form of a policy's name. An ARN begins with `arn:`. */
export function isPolicyName(text: string): boolean {
  return text.startsWith('aws/') || text.startsWith('account/');
}

export function policyArnOf(name: string, { partition, accountId }: PolicyScope): string {
  const slash = name.indexOf('/');
  const owner = name.slice(0, slash) === 'aws' ? 'aws' : accountId;
  return `arn:${partition}:iam::${owner}:policy/${name.slice(slash + 1)}`;
}

/** The name of a policy; undefined if the policy belongs to another partition or AWS account. */
export function policyNameOf(arn: string, { partition, accountId }: PolicyScope): string | undefined {
  for (const [scope, owner] of [
    ['aws', 'aws'],
    ['account', accountId],
  ] as const) {
    const prefix = `arn:${partition}:iam::${owner}:policy/`;
    if (arn.startsWith(prefix)) return `${scope}/${arn.slice(prefix.length)}`;
  }
  return undefined;
}

/** Distinct ARNs of the policies that an account lists by ARN or by name. */
export function listedPolicies(aws: PolicyLists, scope: PolicyScope): readonly string[] {
  return [
    ...new Set(policyEntries(aws).map((entry) => (isPolicyName(entry) ? policyArnOf(entry, scope) : entry))),
  ];
}

/** Splits entries into the list of names and the list of ARNs. An empty list is omitted if the other list has entries. */
export function policyLists(entries: readonly string[]): PolicyLists {
  const policyNames = entries.filter(isPolicyName);
  const policyArns = entries.filter((entry) => !isPolicyName(entry));
  if (policyNames.length === 0) return { policyArns };
  return policyArns.length === 0 ? { policyNames } : { policyArns, policyNames };
}

/** Same policies, each listed by name if the policy has a name in this AWS account and partition. */
export function policiesByName(aws: PolicyLists, scope: PolicyScope): PolicyLists {
  const entries = policyEntries(aws).map((entry) => policyNameOf(entry, scope) ?? entry);
  return policyLists([...new Set(entries)]);
}

/** Whether the policy name stands for this ARN in the ARN's own AWS account and partition. */
export function mayName(name: string, arn: string): boolean {
  const [, partition = '', , , accountId = ''] = arn.split(':');
  if (name.startsWith('account/') && accountId === 'aws') return false;
  return policyArnOf(name, { partition, accountId }) === arn;
}
