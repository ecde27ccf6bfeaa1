/** `kon target delete`: checks that a target is not in use, and removes it from the ClusterConfig. */
import type { ClusterConfig } from '../../../../api/cluster-config.ts';
import type { LinkedServiceAccount } from '../../../../api/linked-service-account.ts';
import { sessionsNote } from '../../../../identity/plan/sessions.ts';
import type { KubeClient, KubeObject } from '../../../../kube/index.ts';
import { changeSpec, listObjects } from '../../../cluster/objects.ts';
import { getClusterConfig, targetNotFound } from '../../../cluster/cluster-config.ts';
import { confirm, requireConfirmation } from '../../../framework/confirm.ts';
import type { CliContext } from '../../../framework/context.ts';
import { formatAge } from '../../../framework/duration.ts';
import { CliError } from '../../../framework/errors.ts';
import { accountKind, appKind, clusterConfigKind } from '../../../cluster/kinds.ts';
import { followSet } from '../../../framework/wait/follow.ts';
import { resultLine, type WriteInput } from '../../../objects/finish.ts';
import { isLinkedIn, useOfTarget, type TargetUse } from '../../../objects/target-use.ts';
import { waitFor } from '../../../framework/wait/wait-for.ts';

export async function deleteTarget(
  context: CliContext,
  name: string,
  options: WriteInput & { readonly yes: boolean },
): Promise<void> {
  const { dryRun } = options;
  const what = `deleting the target "${name}"`;
  // A dry run deletes nothing, so it needs no confirmation.
  const yes = options.yes || dryRun;
  requireConfirmation(context, { yes, what });
  const client = await context.connect();
  const config = await getClusterConfig(client);
  withoutTarget(config, name);
  const consequence = consequenceOf(name, await unlinkedWith(client, name));
  const question = `${consequence}\nDelete the target "${name}"?`;
  await confirm(context, { yes, what, question, declined: 'Nothing was deleted.' });
  const change = (current: ClusterConfig): ClusterConfig['spec'] => withoutTarget(current, name);
  await changeSpec(client, clusterConfigKind, config.metadata.name, change, { dryRun });
  if (dryRun) context.stderr.write(`${consequence}\n`);
  context.stdout.write(resultLine(`target/${name}`, 'deleted', dryRun));
  if (!options.noWait && !dryRun) await waitUntilUnlinked(context, client, name, options.timeout);
}

/** @throws CliError of code NOT_FOUND if the target does not exist */
function withoutTarget(config: ClusterConfig, name: string): ClusterConfig['spec'] {
  if (!config.spec.targets.includes(name)) throw targetNotFound(config, name);
  const { spec } = config;
  return { ...spec, targets: spec.targets.filter((target) => target !== name) };
}

/** Returns the accounts that the deletion would unlink. @throws CliError of code CONFLICT if the target is in use */
async function unlinkedWith(client: KubeClient, name: string): Promise<Omit<TargetUse, 'holders'>> {
  const [accounts, apps] = await Promise.all([
    listObjects(client, accountKind),
    listObjects(client, appKind),
  ]);
  const { holders, ...use } = useOfTarget(name, accounts, apps);
  if (holders.length === 0) return use;
  throw new CliError('CONFLICT', `target "${name}" is in use`, {
    details: holders.map(({ text }) => text),
    next: holders.map(({ next }) => next),
  });
}

function consequenceOf(name: string, { unlinked, sessionsMs }: Omit<TargetUse, 'holders'>): string {
  const lost =
    unlinked.length > 0
      ? `Accounts that will not be linked in ${name} any more: ${unlinked.join(', ')}. AWS sessions of pods in ${name} may stay valid for up to ${formatAge(sessionsMs)}. `
      : '';
  return `${lost}The namespace ${name} and its contents stay. To add the target again: kon target create ${name}`;
}

async function waitUntilUnlinked(
  context: CliContext,
  client: KubeClient,
  name: string,
  timeoutMs: number,
): Promise<void> {
  let linked: readonly string[] = [];
  const look = (accounts: readonly LinkedServiceAccount[]): true | undefined => {
    linked = accounts.filter((account) => isLinkedIn(account, name)).map(({ metadata }) => metadata.name);
    if (linked.length > 0) return undefined;
    context.stderr.write(`No account is linked in ${name} any more.\n`);
    for (const { metadata, status } of accounts)
      for (const former of status?.formerTargets ?? [])
        if (former.name === name) context.stderr.write(`‼ ${sessionsNote(former, metadata.name)}\n`);
    return true;
  };
  const late = (waited: string): CliError =>
    new CliError(
      'NOT_READY',
      `target "${name}" was removed, but accounts are still linked in it after ${waited}: ${linked.join(', ')}`,
      {
        next: [
          'Check that an operator runs on this cluster; to start one: kon operator',
          `Show an account: kon account show ${linked[0] ?? 'NAME'}`,
        ],
      },
    );
  const following = { clock: context, client, resource: accountKind.resource };
  await waitFor(context, (signal) => followSet<LinkedServiceAccount & KubeObject>({ ...following, signal }), {
    timeoutMs,
    look,
    late,
    interrupted: {
      state: `the target "${name}" was removed; the operator continues to unlink accounts in this target`,
      next: ['Show what is linked: kon target list'],
    },
  });
}
