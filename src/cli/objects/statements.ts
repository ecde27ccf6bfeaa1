/** Prints warnings about an account's statements, before a command waits for the account. */
import type { KonObject } from '../cluster/kinds.ts';
import type { CliContext } from '../framework/context.ts';

export async function warnOfStatements(context: CliContext, object: KonObject): Promise<void> {
  if (object.kind !== 'LinkedServiceAccount') return;
  const { statements = [] } = object.spec.aws;
  if (statements.length === 0) return;
  const { lintStatements } = await import('../../policy/lint.ts');
  const { iamActions } = await import('../../aws/catalogue/iam-actions.ts');
  for (const { where, message } of lintStatements(statements, iamActions, context.now()))
    context.stderr.write(`‼ ${where}: ${message}\n`);
}
