/** Answers a who-can question from all policies that can be read, for `kon who-can` and the console. */
import type { LinkedServiceAccount } from '../../api/linked-service-account.ts';
import type { ClusterFacts } from '../../identity/state/world.ts';
import {
  policiesOf,
  policyDocuments,
  policyNamed,
  statementDocuments,
  withInlinePolicies,
  type PolicyReading,
} from './policies.ts';
import {
  foreignInline,
  notEvaluated,
  policiesNamed,
  whoCan,
  type Question,
  type WhoCanAnswer,
} from './who-can.ts';

/**
 * @param question `without` names a policy as the user wrote it
 * @param facts undefined while the cluster has no ready ClusterConfig; inline policies are not read then
 * @throws CliError of code NOT_FOUND or USAGE if `without` names no policy or several policies of the accounts
 */
export async function answerWhoCan(
  { action, resource, without: named }: Question & { readonly without: string | undefined },
  accounts: readonly LinkedServiceAccount[],
  facts: ClusterFacts | undefined,
  reading: PolicyReading,
): Promise<WhoCanAnswer> {
  const { context, hasAws } = reading;
  const listed = accounts.map((account) => policiesOf(account, facts, context.now()));
  const without = named === undefined ? undefined : policyNamed(named, listed, facts);
  const inline = hasAws && facts ? await withInlinePolicies(context, facts, accounts, listed) : undefined;
  const callers = inline?.accounts ?? listed;
  const documents = new Map([
    ...(await policyDocuments(callers.flatMap(policiesNamed), reading)),
    ...statementDocuments(accounts, facts),
    ...(inline?.documents ?? []),
  ]);
  return {
    ...whoCan({ action, resource }, callers, documents, without),
    ...(without === undefined ? {} : { without }),
    isInlineEvaluated: inline !== undefined,
    notEvaluated: inline ? notEvaluated.filter((source) => source !== foreignInline) : notEvaluated,
  };
}
