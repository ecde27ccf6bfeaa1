/** Columns of the table of accounts. */
import type { LinkedServiceAccount } from '../../../../api/linked-service-account.ts';
import { policyEntries } from '../../../../identity/desired/policy-entries.ts';
import { createdColumn, nameColumn, readyColumn, reasonColumn } from '../../../objects/columns.ts';
import { lastUsedAge, lastUsedValue } from '../../../objects/last-used.ts';
import type { Column } from '../../../framework/output/table.ts';

/** Maximum number of policies shown by name; the others are only counted. */
const namedPolicies = 2;

export function accountColumns(now: number): readonly Column<LinkedServiceAccount>[] {
  return [
    nameColumn,
    readyColumn,
    reasonColumn,
    {
      header: 'ROLE',
      value: (account) => account.status?.roleArn ?? '',
      short: (account) => lastPart(account.status?.roleArn ?? ''),
    },
    { header: 'TARGETS', value: (account) => account.status?.ready ?? '' },
    {
      header: 'POLICIES',
      value: (account) => policyEntries(account.spec.aws).join(','),
      short: (account) => shortPolicies(policyEntries(account.spec.aws)),
    },
    createdColumn(now),
    {
      header: 'LAST USED',
      value: (account) => lastUsedValue(account.status?.lastUsed, now),
      short: (account) => lastUsedAge(account.status?.lastUsed, now),
    },
  ];
}

const lastPart = (arn: string): string => arn.split('/').at(-1) ?? arn;

function shortPolicies(arns: readonly string[]): string {
  const names = arns.slice(0, namedPolicies).map(lastPart).join(', ');
  return arns.length > namedPolicies ? `${names}, +${arns.length - namedPolicies}` : names;
}
