/** Policies that an account lists, as its spec writes them. The module is separate to keep the start of `kon account list` fast. */
import type { LinkedServiceAccountSpec } from '../../api/index.ts';

export type PolicyLists = Pick<LinkedServiceAccountSpec['aws'], 'policyArns' | 'policyNames'>;

/** Entries of both policy lists of an account, as its spec writes them: ARNs, then names. */
export function policyEntries({ policyArns = [], policyNames = [] }: PolicyLists): readonly string[] {
  return [...policyArns, ...policyNames];
}
