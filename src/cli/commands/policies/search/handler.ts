/** `kon policies search`: searches AWS managed policies. Works offline, because the catalogue is part of kon. */
import { managedPolicies } from '../../../../aws/catalogue/catalogue.ts';
import type { CliContext } from '../../../framework/context.ts';
import { exitCodes, type ExitCode } from '../../../framework/exit-codes.ts';
import { writeList } from '../../../framework/output/answer.ts';
import type { Column } from '../../../framework/output/table.ts';
import { searchPolicies } from '../../../aws/policy-search.ts';

type Row = {
  readonly name: string;
  readonly arn: string;
  /** RFC 3339. */
  readonly updated: string;
  readonly defaultVersion: string;
};

export async function searchFlow(
  context: CliContext,
  of: { readonly text: string; readonly limit: number; readonly partition: string },
): Promise<ExitCode> {
  const found = searchPolicies(of.text, managedPolicies(of.partition));
  const rows = found.slice(0, of.limit).map(({ name, arn, updateDate, defaultVersionId }): Row => ({
    name,
    arn,
    updated: updateDate,
    defaultVersion: defaultVersionId,
  }));
  const { stderr } = context;
  const data = { kind: 'PolicyList', value: { items: rows }, name: (row: Row): string => row.arn };
  await writeList(context, { rows, columns, data });
  if (found.length > rows.length)
    stderr.write(`${found.length - rows.length} more; narrow the search, or raise --limit.\n`);
  if (found.length === 0) stderr.write('No AWS managed policy matches.\n');
  return rows.length > 0 ? exitCodes.ok : exitCodes.error;
}

const columns: readonly Column<Row>[] = [
  { header: 'NAME', value: (row) => row.name, whole: true },
  // Never shortens the ARN, because a shortened ARN would only repeat the name.
  { header: 'ARN', value: (row) => row.arn, whole: true, omission: 1 },
  { header: 'UPDATED', value: (row) => row.updated, short: (row) => row.updated.slice(0, 10) },
  { header: 'VERSION', value: (row) => row.defaultVersion, wide: true },
];
