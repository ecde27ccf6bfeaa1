/** `kon account suggest`: compares the policies of accounts with IAM's last accessed information for their roles. */
import { setTimeout as delay } from 'node:timers/promises';
import { iamActions, iamServices } from '../../../../aws/catalogue/iam-actions.ts';
import { managedPolicies } from '../../../../aws/catalogue/catalogue.ts';
import { reportedRoles } from '../../../../identity/desired/account-roles.ts';
import type { ClusterFacts } from '../../../../identity/index.ts';
import { trackedDays, usageSince, type RoleLastAccessed } from '../../../../policy/last-accessed.ts';
import { defined } from '../../../../k8s/defined.ts';
import type { LinkedServiceAccount } from '../../../../api/index.ts';
import { requireAccount, withAws, type Aws } from '../../../aws/session.ts';
import { getClusterFacts } from '../../../cluster/cluster-config.ts';
import { accountKind } from '../../../cluster/kinds.ts';
import { getObject } from '../../../cluster/objects.ts';
import type { CliContext } from '../../../framework/context.ts';
import { formatAge } from '../../../framework/duration.ts';
import { CliError, usageError } from '../../../framework/errors.ts';
import { oneOrList, writeDocument } from '../../../framework/output/answer.ts';
import { withinTime } from '../../../framework/wait/wait-for.ts';
import { presentable } from '../../../manifest/present.ts';
import { policiesOf, policyDocuments, statementDocuments } from '../../../permissions/policies.ts';
import { policiesNamed } from '../../../permissions/who-can.ts';
import { suggest } from '../../../permissions/suggestion.ts';
import { renderSuggestion, suggestionOf, type AccountSuggestion } from './render.ts';

const dayMs = 86_400_000;
/**
 * Pause in milliseconds before the second status request for a report job. Each further pause is twice as long as the
 * previous one, up to `longestPauseMs`. AWS needs some seconds to generate a report.
 */
const firstPauseMs = 200;
const longestPauseMs = 2000;

export async function suggestFlow(
  context: CliContext,
  request: { readonly names: readonly string[]; readonly periodMs: number; readonly timeoutMs: number },
): Promise<void> {
  if (request.periodMs > trackedDays * dayMs)
    throw usageError(
      `IAM reports the use of the last ${trackedDays} days only`,
      `Pass at most --since ${trackedDays}d.`,
    );
  const client = await context.connect();
  const { facts, region } = await getClusterFacts(client);
  const accounts = await Promise.all(request.names.map((name) => getObject(client, accountKind, name)));
  const suggestions = await withAws(context, region, async (aws) => {
    await requireAccount(context, aws, facts);
    const found: AccountSuggestion[] = [];
    for (const account of accounts) found.push(await suggestionFor(context, aws, account, facts, request));
    return found;
  });
  const { kind, value } = oneOrList('AccountSuggestion', suggestions);
  await writeDocument(context, kind, value, (color) =>
    suggestions.map((each) => renderSuggestion(each, color)).join('\n'),
  );
}

async function suggestionFor(
  context: CliContext,
  aws: Aws,
  account: LinkedServiceAccount,
  facts: ClusterFacts,
  { periodMs, timeoutMs }: { readonly periodMs: number; readonly timeoutMs: number },
): Promise<AccountSuggestion> {
  const { name } = account.metadata;
  const arns = reportedRoles(account);
  if (arns.length === 0)
    throw new CliError('NOT_READY', `account "${name}" has no role yet`, {
      next: [`Find the reason: ${accountKind.advice.show(name)}`],
    });
  const { signal, now } = context;
  const [reports, roles, documents] = await Promise.all([
    Promise.all(arns.map((arn) => reportOf(context, aws, arn, timeoutMs))),
    Promise.all(
      arns.map(async (arn) => ({ arn, ...defined({ createdAt: await aws.access.createdAt(arn, signal) }) })),
    ),
    policyDocuments(policiesNamed(policiesOf(account, facts, now())), { context, hasAws: true }),
  ]);
  const since = now() - periodMs;
  const usage = usageSince(reports, since);
  const suggestion = suggest({
    account,
    facts,
    documents: new Map([...documents, ...statementDocuments([account], facts)]),
    usage,
    reference: { services: iamServices(), actions: iamActions },
    catalogue: () =>
      managedPolicies(facts.partition).map(({ arn, defaultVersionId, document }) => ({
        arn,
        document: document(defaultVersionId) ?? '',
      })),
  });
  return suggestionOf({
    account: presentable(account),
    period: formatAge(periodMs),
    since,
    roles,
    lastAccessed: usage.lastAccessed,
    suggestion,
  });
}

/** Starts a report job for a role, and waits for the report. */
async function reportOf(
  context: CliContext,
  aws: Aws,
  roleArn: string,
  timeoutMs: number,
): Promise<RoleLastAccessed> {
  const job = await aws.access.startReport(roleArn, context.signal);
  const wait = async (signal: AbortSignal): Promise<RoleLastAccessed> => {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      const report = await aws.access.report(job, signal);
      if (report !== undefined) return report;
      await delay(pauseMs, undefined, { signal });
    }
  };
  return withinTime(
    context,
    timeoutMs,
    wait,
    (waited) =>
      new CliError('AWS_ERROR', `IAM did not complete the report about ${roleArn} within ${waited}`, {
        next: ['Repeat the command, or wait longer: --timeout 10m'],
      }),
    { state: 'nothing was changed', next: [] },
  );
}
