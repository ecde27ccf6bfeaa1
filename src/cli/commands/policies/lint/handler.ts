/** `kon policies lint`: checks statements offline. */
import { permissionStatement, type PermissionStatement } from '../../../../api/linked-service-account.ts';
import { iamActions } from '../../../../aws/catalogue/iam-actions.ts';
import { statementProblems, type StatementScope } from '../../../../identity/desired/statements.ts';
import { parsePolicyDocument } from '../../../../policy/document.ts';
import { lintStatements } from '../../../../policy/lint.ts';
import type { CliContext } from '../../../framework/context.ts';
import { CliError } from '../../../framework/errors.ts';
import { exitCodes, type ExitCode } from '../../../framework/exit-codes.ts';
import { writeList } from '../../../framework/output/answer.ts';
import type { Column } from '../../../framework/output/table.ts';
import { checkManifest } from '../../../manifest/check.ts';
import { readSource } from '../../../manifest/source.ts';

export type Finding = {
  readonly level: 'error' | 'warning';
  /** Account or file that the finding is about. */
  readonly in: string;
  readonly where: string;
  readonly message: string;
};

/** Values for the placeholders in statements. The findings do not depend on these values. */
const anyCluster: StatementScope = {
  partition: 'aws',
  region: 'us-east-1',
  accountId: '123456789012',
  name: 'cluster',
};

export async function lintFlow(context: CliContext, file: string): Promise<ExitCode> {
  const { origin, documents } = await readSource(context, file);
  const found = documents.flatMap((document) => findingsOf(document, origin, context.now()));
  const data = {
    kind: 'FindingList',
    value: { items: found },
    name: ({ where, message }: Finding): string => `${where}: ${message}`,
  };
  await writeList(context, { rows: found, columns, data });
  const errors = found.filter(({ level }) => level === 'error').length;
  if (found.length === 0) context.stderr.write(`${origin}: no errors and no warnings\n`);
  return errors > 0 ? exitCodes.error : exitCodes.ok;
}

/** @throws CliError of code INVALID if the document has no statements that can be checked */
export function findingsOf(document: unknown, origin: string, now: number): readonly Finding[] {
  const value = (document ?? {}) as { readonly kind?: unknown; readonly Statement?: unknown };
  if (value.kind === undefined && value.Statement !== undefined) return findingsOfPolicy(value, origin, now);
  const checked = checkManifest(document);
  if (checked.kind === 'unsound')
    throw new CliError('INVALID', `${origin} is invalid`, {
      details: checked.problems.map(({ text }) => text),
    });
  const { metadata, spec } = checked.manifest as {
    readonly metadata: { readonly name: string };
    readonly spec: { readonly aws?: { readonly statements?: readonly PermissionStatement[] } };
  };
  const statements = spec.aws?.statements ?? [];
  return [
    ...statementProblems(statements, anyCluster).map((message) => {
      const [where = '', ...rest] = message.split(': ');
      return rest.length > 0
        ? ({ level: 'error', in: metadata.name, where, message: rest.join(': ') } as const)
        : ({ level: 'error', in: metadata.name, where: 'statements', message } as const);
    }),
    ...warningsOf(statements, metadata.name, now),
  ];
}

/**
 * Returns the findings about a policy document. Its Allow statements are checked like statements of an account. Other
 * statements are only parsed.
 */
function findingsOfPolicy(document: object, origin: string, now: number): readonly Finding[] {
  const parsed = parsePolicyDocument(JSON.stringify(document), 'identity');
  if (!parsed.ok) return [{ level: 'error', in: origin, where: 'document', message: parsed.message }];
  const statements = parsed.document.statements.flatMap(
    ({ sid, effect, action, resource }): readonly PermissionStatement[] => {
      const plain = {
        ...(sid === undefined ? {} : { sid }),
        actions: action.patterns.map((each) => each.replace(/^[^:]+/, (service) => service.toLowerCase())),
        resources: [...(resource?.patterns ?? [])],
      };
      const isChecked = effect === 'Allow' && !action.negated && resource?.negated === false;
      return isChecked && permissionStatement.safeParse(plain).success ? [plain] : [];
    },
  );
  return warningsOf(statements, origin, now);
}

function warningsOf(
  statements: readonly PermissionStatement[],
  name: string,
  now: number,
): readonly Finding[] {
  return lintStatements(statements, iamActions, now).map(({ where, message }) => ({
    level: 'warning',
    in: name,
    where,
    message,
  }));
}

const columns: readonly Column<Finding>[] = [
  {
    header: 'LEVEL',
    value: ({ level }) => level,
    style: ({ level }) => (level === 'error' ? 'red' : 'yellow'),
  },
  { header: 'IN', value: (finding) => finding.in },
  { header: 'WHERE', value: ({ where }) => where },
  { header: 'MESSAGE', value: ({ message }) => message },
];
