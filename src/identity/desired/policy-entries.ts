/** The policies that an account lists, as written. This is a separate module, because `kon account list` loads little else. */
import type { LinkedServiceAccountSpec } from '../../api/index.ts';

export type PolicyLists = Pick<LinkedServiceAccountSpec['aws'], 'policyArns' | 'policyNames'>;

/** Both lists of an account as written: ARNs, then names. */
export function policyEntries({ policyArns = [], policyNames = [] }: PolicyLists): readonly string[] {
  return [...policyArns, ...policyNames];
}
