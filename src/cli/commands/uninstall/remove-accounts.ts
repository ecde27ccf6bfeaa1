/** Checks whether `kon uninstall` must refuse, and deletes the accounts while the operator still runs. */
import type { LinkedServiceAccount } from '../../../api/linked-service-account.ts';
import { type KubeClient, resources, type KubeObject } from '../../../kube/index.ts';
import { accountKind, appKind } from '../../cluster/kinds.ts';
import type { CliContext } from '../../framework/context.ts';
import { waitUntilDeleted } from '../../framework/wait/deletion.ts';
import { acceptNew, refuseNew } from '../../installation/refuse-new.ts';
import type { Quarantine } from '../../../api/quarantine.ts';
import { quarantines } from '../../../api/resources.ts';
import {
  identitiesHeld,
  isRunning,
  rolesHeld,
  serviceAccountOf,
  type Pod,
} from '../../../workloads/index.ts';
import { listObjects, orMissing } from '../../cluster/objects.ts';
import { CliError } from '../../framework/errors.ts';
import { refuseOthers, removalOf, type FoundOperator } from '../../installation/other-installations.ts';
import { namesOf } from './names.ts';

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

/** Refuses installations that must be removed with another tool. @throws CliError of code CONFLICT */
export function refuseHelm(operators: readonly FoundOperator[], namespace: string): void {
  refuseOthers(operators, namespace, 'uninstall');
  const helm = operators.find(({ release }) => release !== undefined);
  if (!helm) return;
  throw new CliError('CONFLICT', `Konstellation was installed by Helm in the namespace ${namespace}`, {
    details: [`There: ${operators.map(({ object }) => object).join(', ')}.`],
    next: [
      'Delete apps and accounts while the operator runs: kon app delete NAME, kon account delete NAME',
      removalOf(helm),
      'Delete the CRDs and the ClusterConfig, which the chart keeps: kon crds | kubectl delete -f -',
    ],
  });
}

/**
 * @returns the accounts that would be deleted; undefined if their CRD does not exist
 * @throws CliError of code CONFLICT if there are quarantines, apps, accounts in use, or (unless `deleteAccounts` is
 * set) any accounts
 */
export async function requireRemovable(
  client: KubeClient,
  { deleteAccounts, dryRun }: { readonly deleteAccounts: boolean; readonly dryRun: boolean },
): Promise<readonly LinkedServiceAccount[] | undefined> {
  const { items: cutOff = [] } = (await orMissing(client.list<Quarantine>(quarantines, {}))) ?? {};
  if (cutOff.length > 0)
    throw new CliError(
      'CONFLICT',
      `cannot uninstall while quarantines exist (${cutOff.length}): ${namesOf(cutOff)}`,
      {
        details: [
          'The quarantines would be deleted with the CRDs. Then the deletion of an account would not wait, and its denied sessions would not stay denied.',
        ],
        next: ['End the quarantines: kon account release NAME'],
      },
    );
  const accounts = await orMissing(listObjects(client, accountKind));
  const apps = (await orMissing(listObjects(client, appKind))) ?? [];
  if (apps.length > 0)
    throw new CliError('CONFLICT', `cannot uninstall while apps exist (${apps.length}): ${namesOf(apps)}`, {
      details: ['The apps and their pods would be deleted with the CRDs.'],
      next: [
        'Delete the apps: kon app delete NAME',
        'Or delete the apps but keep their Deployments and Services: kubectl delete apps.k11n.dev NAME --cascade=orphan',
      ],
    });
  if (!accounts || accounts.length === 0) return accounts;
  if (!deleteAccounts)
    throw new CliError(
      'CONFLICT',
      `cannot uninstall while accounts exist (${accounts.length}): ${namesOf(accounts)}`,
      {
        details: ['Without the operator, the roles of the accounts would remain in IAM.'],
        next: ['Delete the accounts and their roles: kon uninstall --delete-accounts'],
      },
    );
  const { items: pods } = await client.list<Pod & KubeObject>(resources.pods, {});
  const uses = accounts.flatMap((account) => {
    const users = podsUsing(account, pods);
    return users.length === 0 ? [] : `${account.metadata.name}: ${users.join(', ')}`;
  });
  if (uses.length > 0)
    throw new CliError('CONFLICT', 'running pods use accounts that would be deleted', {
      details: [...uses, 'No account was deleted.'],
      next: ['First end the pods through their controllers; then run kon uninstall again.'],
    });
  // Deletes all accounts in a dry run, so that protected accounts cause an error before any account is deleted.
  if (!dryRun)
    for (const { metadata } of accounts)
      await client.delete(accountKind.resource, { name: metadata.name }, { dryRun: true });
  return accounts;
}

/**
 * Lists running pods that hold the identity of an account, as `NAMESPACE/NAME`. Skips terminating pods, because they will stop
 * using the identity.
 */
function podsUsing({ metadata, status }: LinkedServiceAccount, pods: readonly Pod[]): readonly string[] {
  const targets = new Set(status?.targets?.map(({ name }) => name));
  return pods
    .filter((pod) => isRunning(pod) && pod.metadata.deletionTimestamp === undefined)
    .filter(
      (pod) =>
        rolesHeld(pod).some((arn) => arn === status?.roleArn) ||
        (targets.has(pod.metadata.namespace ?? '') &&
          serviceAccountOf(pod) === metadata.name &&
          identitiesHeld(pod).some(({ kind }) => kind === 'podIdentity')),
    )
    .map((pod) => `${pod.metadata.namespace}/${pod.metadata.name}`);
}
