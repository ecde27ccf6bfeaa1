/**
 * Returns the policy ARNs that an account lists, in the partition and AWS account of the simulated cluster. Does not
 * use code of the planner.
 */
import type { LinkedServiceAccountSpec } from '../../src/api/index.ts';
import { accountId } from './simulated-aws.ts';

export function listedArns({
  policyArns = [],
  policyNames = [],
}: Pick<LinkedServiceAccountSpec['aws'], 'policyArns' | 'policyNames'>): readonly string[] {
  const named = policyNames.map((name) =>
    name.replace(/^(aws|account)\//, (_, scope: string) => {
      const owner = scope === 'aws' ? 'aws' : accountId;
      return `arn:aws:iam::${owner}:policy/`;
    }),
  );
  return [...new Set([...policyArns, ...named])];
}
