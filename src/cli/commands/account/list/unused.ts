/** Selects the accounts for `kon account list --unused`. */
import type { LinkedServiceAccount } from '../../../../api/linked-service-account.ts';
import { knownUnusedMs, trackedDays } from '../../../../identity/state/role-use.ts';
import { findCondition } from '../../../../k8s/conditions.ts';
import { clusterConfigKind } from '../../../cluster/kinds.ts';
import { unlessDenied } from '../../../framework/denied.ts';
import { listObjects } from '../../../cluster/objects.ts';
import { operatorState } from '../../../cluster/operator-lease.ts';
import type { CliContext } from '../../../framework/context.ts';
import { usageError } from '../../../framework/errors.ts';
import type { ListFilter } from '../../../objects/list.ts';

const dayMs = 86_400_000;

/**
 * Selects the accounts that have provably not been used for `unusedMs`. Omits accounts whose last use is unknown.
 * Without an operator that compares roles with AWS, every last use is unknown, because the statuses may be outdated.
 *
 * @throws CliError of code USAGE for a time shorter than a day or longer than IAM's tracking period
 */
export async function unusedFilter(
  context: CliContext,
  unusedMs: number,
): Promise<ListFilter<LinkedServiceAccount>> {
  if (unusedMs < dayMs || unusedMs > trackedDays * dayMs)
    throw usageError(
      `--unused must be from 1 day to ${trackedDays} days, because IAM reports uses for ${trackedDays} days`,
      'Pass a number of days: --unused 90d.',
    );
  const outdated = await whyOutdated(context);
  const now = context.now();
  const unknown: string[] = [];
  return {
    keep({ metadata, status }) {
      const known = outdated?.isCertain ? undefined : knownUnusedMs(status?.lastUsed, now);
      if (known === undefined) unknown.push(metadata.name);
      return known !== undefined && known >= unusedMs;
    },
    notes: () => [...(outdated ? [outdated.text] : []), ...(unknown.length > 0 ? [notListed(unknown)] : [])],
  };
}

/** Maximum number of names in the note. */
const namedAccounts = 5;

function notListed(names: readonly string[]): string {
  const more = names.length > namedAccounts ? `, and ${names.length - namedAccounts} more` : '';
  const list = `${names.slice(0, namedAccounts).join(', ')}${more}`;
  return names.length === 1
    ? `1 account is not listed, because its last use is unknown: ${list}`
    : `${names.length} accounts are not listed, because their last use is unknown: ${list}`;
}

/** Returns the reason why statuses are or may be outdated, or undefined if they are up to date. */
async function whyOutdated({
  connect,
  signal,
}: CliContext): Promise<{ readonly text: string; readonly isCertain: boolean } | undefined> {
  const client = await connect();
  const [operator, configs] = await Promise.all([
    unlessDenied(operatorState(client, signal)),
    unlessDenied(listObjects(client, clusterConfigKind)),
  ]);
  if (operator === 'missing')
    return {
      isCertain: true,
      text: 'No operator runs on this cluster, so the statuses of the accounts may be outdated.',
    };
  if (configs) {
    const check = configs.flatMap(({ status }) => findCondition(status?.conditions, 'DriftChecked') ?? [])[0];
    if (check?.status !== 'True')
      return {
        isCertain: true,
        text: `The operator does not compare roles with AWS: ${check?.message ?? 'no ClusterConfig reports a drift detection pass'}`,
      };
  }
  if (operator === 'running' && configs) return undefined;
  const what = operator === 'running' ? 'the ClusterConfig' : 'the Lease of the operator';
  return {
    isCertain: false,
    text: `You are not permitted to read ${what}, which shows whether an operator keeps the last uses up to date. If no operator does, the last uses are outdated.`,
  };
}
