/**
 * `kon uninstall`: removes the objects of an installation in the reverse order of their creation, and lists what stays.
 */
import type { LinkedServiceAccount } from '../../../api/linked-service-account.ts';
import { effectiveConfig, leftoverRoles, roleNameOf } from '../../../identity/index.ts';
import { clusterConfigKind } from '../../cluster/kinds.ts';
import { unlessDenied } from '../../framework/denied.ts';
import { listObjects, orMissing } from '../../cluster/objects.ts';
import { confirm, requireConfirmation } from '../../framework/confirm.ts';
import type { CliContext } from '../../framework/context.ts';
import { CliError } from '../../framework/errors.ts';
import { cluesOf, requireConfigOf, withCluster, type ClusterChoice } from '../../installation/discover.ts';
import { findOperators } from '../../installation/other-installations.ts';
import { acceptNew } from '../../installation/refuse-new.ts';
import { resultLine, type WaitInput } from '../../objects/finish.ts';
import { namesOf } from './names.ts';
import { refuseHelm, removeAccounts, requireRemovable } from './remove-accounts.ts';
import { removeAssociation, removeFromIam } from './remove-from-iam.ts';
import { removeObjects, requireNoOperator, untilGone } from './remove-objects.ts';

export type UninstallRequest = ClusterChoice & {
  readonly namespace: string;
  /** Also deletes accounts and their roles. */
  readonly deleteAccounts: boolean;
  /** Only prints the objects that would be deleted and the objects that would remain. */
  readonly dryRun: boolean;
  readonly yes: boolean;
  /** `noWait` skips only the wait at the end. The command always waits for accounts, because the operator is needed to delete them. */
  readonly wait: WaitInput;
};

export async function uninstallFlow(context: CliContext, request: UninstallRequest): Promise<void> {
  const { stderr, signal } = context;
  const { dryRun, deleteAccounts, wait } = request;
  const what = 'uninstalling Konstellation';
  const yes = request.yes || dryRun;
  requireConfirmation(context, { yes, what });
  const client = await context.connect();
  const config = effectiveConfig((await orMissing(listObjects(client, clusterConfigKind))) ?? []);
  const clues = await cluesOf(context, client, request.region ?? config?.spec.aws.region);
  refuseHelm(await findOperators(client, signal), request.namespace);
  const listed = await requireRemovable(client, request);
  const clusterName = request.clusterName ?? config?.spec.aws.clusterName ?? config?.metadata.name;
  await withCluster(context, { ...request, clusterName }, clues, async ({ aws, installation, cluster }) => {
    requireConfigOf(config, cluster);
    const ask = (accounts: readonly LinkedServiceAccount[]): Promise<void> =>
      confirm(context, {
        yes,
        what,
        question: `Deletes the operator, the CRDs, and their objects in the cluster and in IAM; --dry-run lists each one. This cannot be undone.\nRemove Konstellation from ${cluster.clusterArn}${accounts.length > 0 ? `, and the accounts ${namesOf(accounts)} with their roles` : ''}?`,
        declined: 'Nothing was changed.',
      });
    await ask(listed ?? []);
    const removal = { listed, deleteAccounts, dryRun, timeoutMs: wait.timeout, ask };
    const accounts = await removeAccounts(context, client, removal);
    const { kept, deleted } = await removeObjects(context, client, request);
    if (cluster.eks) {
      const { associations } = aws.podIdentity(cluster.name);
      kept.push(...(await removeAssociation(context, cluster, request, associations)));
    }
    const leaving = accounts.flatMap(({ spec, status }) =>
      spec.deletionPolicy === 'Retain' || spec.aws.adopt === true || status?.roleArn === undefined
        ? []
        : roleNameOf(status.roleArn),
    );
    kept.push(...(await removeFromIam(context, cluster, request, aws.roles, installation, leaving)));
    for (const text of kept) stderr.write(`‼ stays: ${text}\n`);
    if (!dryRun) {
      // Removes the policy that refuses new accounts. Its removal is safe, because the API server rejects new objects
      // of a CRD that is being deleted.
      await acceptNew(client);
      if (!wait.noWait) await untilGone(context, client, deleted, wait.timeout, cluster.clusterArn);
      await requireNoOperator(client, context);
    }
    context.stdout.write(resultLine('konstellation', 'uninstalled', dryRun));
    if (dryRun) return;
    const listing = await unlessDenied(aws.roles.snapshot(signal));
    if (!listing) {
      stderr.write(
        `‼ you are not permitted to list roles (iam:GetAccountAuthorizationDetails), so kon cannot check for leftover roles; to list them with other credentials: kon account orphans --cluster-arn ${cluster.clusterArn}\n`,
      );
      return;
    }
    const leftovers = leftoverRoles(listing.roles, cluster, new Set());
    const orphans = leftovers.filter(({ kind }) => kind === 'orphan');
    for (const { kind, name, account } of leftovers)
      if (kind === 'retained')
        stderr.write(`‼ stays: IAM role ${name}, retained by the account ${account}\n`);
    if (orphans.length === 0) return;
    throw new CliError('NOT_DELETED', `${orphans.length} roles of the cluster are left in IAM`, {
      details: orphans.map((orphan) => `${orphan.name}, of the account ${orphan.account}`),
      next: [`kon account orphans --delete --cluster-arn ${cluster.clusterArn}`],
    });
  });
}
