/** Deletes accounts for `kon uninstall` while the operator is still running. */
import type { LinkedServiceAccount } from '../../../api/linked-service-account.ts';
import type { KubeClient } from '../../../kube/index.ts';
import { accountKind } from '../../cluster/kinds.ts';
import type { CliContext } from '../../framework/context.ts';
import { waitUntilDeleted } from '../../framework/wait/deletion.ts';
import { acceptNew, refuseNew } from '../../installation/refuse-new.ts';
import { requireRemovable } from './refusals.ts';

type Removal = {
  /** Accounts that the user agreed to delete; undefined if their CRD does not exist. */
  readonly listed: readonly LinkedServiceAccount[] | undefined;
  readonly deleteAccounts: boolean;
  readonly dryRun: boolean;
  readonly timeoutMs: number;
  /** Asks for consent to delete the accounts. @throws Declined */
  readonly ask: (accounts: readonly LinkedServiceAccount[]) => Promise<void>;
};

/**
 * Deletes the accounts while admission rejects new ones. If the deletion fails or the user declines, new accounts are admitted
 * again; otherwise they remain rejected until the end of the uninstallation.
 *
 * @returns the accounts that were deleted
 */
export async function removeAccounts(
  context: CliContext,
  client: KubeClient,
  removal: Removal,
): Promise<readonly LinkedServiceAccount[]> {
  const { listed, deleteAccounts, dryRun, ask } = removal;
  if (!listed) return [];
  if (dryRun) return deleteEach(context, client, listed, removal);
  let isDone = false;
  try {
    await refuseNew(client, context);
    // Accounts may have been created while the prompt was open.
    const accounts = (await requireRemovable(client, { deleteAccounts, dryRun })) ?? [];
    const isListed = ({ metadata }: LinkedServiceAccount): boolean =>
      listed.some((each) => each.metadata.uid === metadata.uid);
    if (!accounts.every(isListed)) await ask(accounts);
    await deleteEach(context, client, accounts, removal);
    // Checks that no account remains, because accounts cannot be deleted after the operator is removed.
    await requireRemovable(client, { deleteAccounts: false, dryRun });
    isDone = true;
    return accounts;
  } finally {
    if (!isDone) await acceptNew(client);
  }
}

async function deleteEach(
  context: CliContext,
  client: KubeClient,
  accounts: readonly LinkedServiceAccount[],
  { dryRun, timeoutMs }: Pick<Removal, 'dryRun' | 'timeoutMs'>,
): Promise<readonly LinkedServiceAccount[]> {
  for (const { metadata } of accounts) {
    await client.delete(accountKind.resource, { name: metadata.name }, { dryRun });
    if (!dryRun) await waitUntilDeleted(context, client, accountKind, metadata, timeoutMs);
    context.stderr.write(`- account ${metadata.name}\n`);
  }
  return accounts;
}
