/** Prints the result of a write, and waits until it has taken effect. */
import type { KubeClient } from '../../kube/index.ts';
import type { CliContext } from '../framework/context.ts';
import { nameOf, type Kind, type KonObject } from '../cluster/kinds.ts';
import { writeObject } from '../framework/output/answer.ts';
import { isData } from '../framework/output/format.ts';
import { waitUntilReady } from '../framework/wait/ready.ts';
import type { LinkedServiceAccount } from '../../api/linked-service-account.ts';
import { sessionsNote } from '../../identity/plan/sessions.ts';

export type WaitInput = { readonly noWait: boolean; readonly timeout: number };
export type WriteInput = WaitInput & {
  readonly dryRun: boolean;
  /** Whether to save an object that names targets, accounts, policies or roles that do not exist. */
  readonly force?: boolean;
};

/** Waits until a write has taken effect, and returns the resulting object. */
export type Until<T> = (written: T, client: KubeClient) => Promise<T>;

/**
 * Formats the result of a write as kubectl does: `linkedserviceaccount/x created`, or `… created (dry run)` in a dry
 * run.
 */
export function resultLine(label: string, did: string, dryRun: boolean): string {
  return `${label} ${did}${dryRun ? ' (dry run)' : ''}\n`;
}

export async function finishWrite<T extends KonObject>(
  context: CliContext,
  client: KubeClient,
  kind: Kind<T>,
  result: { readonly object: T; readonly did: string },
  wait: WaitInput & { readonly dryRun?: boolean },
  until: Until<T> = (object) => waitUntilReady(context, client, kind, object, { timeoutMs: wait.timeout }),
): Promise<void> {
  const { object, did } = result;
  const { dryRun = false } = wait;
  if (!isData(context.format))
    context.stdout.write(resultLine(nameOf(kind, object.metadata.name), did, dryRun));
  await warnOfStatements(context, object);
  const final = wait.noWait || dryRun ? object : await until(object, client);
  if (object.kind === 'LinkedServiceAccount' && final.kind === 'LinkedServiceAccount')
    for (const line of unlinkedLines(object.status, final)) context.stderr.write(`${line}\n`);
  await writeObject(context, final);
}

/** Returns lines about AWS sessions that may continue in former targets. */
function unlinkedLines(
  before: LinkedServiceAccount['status'],
  { metadata: { name }, status }: LinkedServiceAccount,
): readonly string[] {
  const known = new Set(before?.formerTargets?.map((entry) => entry.name));
  return (status?.formerTargets ?? [])
    .filter((entry) => !known.has(entry.name))
    .map((entry) => `‼ ${sessionsNote(entry, name)}`);
}

/** Prints warnings about an account's statements, before a command waits for the account. */
export async function warnOfStatements(context: CliContext, object: KonObject): Promise<void> {
  if (object.kind !== 'LinkedServiceAccount') return;
  const { statements = [] } = object.spec.aws;
  if (statements.length === 0) return;
  const { lintStatements } = await import('../../policy/lint.ts');
  const { iamActions } = await import('../../aws/catalogue/iam-actions.ts');
  for (const { where, message } of lintStatements(statements, iamActions, context.now()))
    context.stderr.write(`‼ ${where}: ${message}\n`);
}
