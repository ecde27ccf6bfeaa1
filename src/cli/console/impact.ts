/** Determines how the deletion of an account, or the loss of its role, affects running pods. Pure. */
import type { App } from '../../api/app.ts';
import type { LinkedServiceAccount } from '../../api/linked-service-account.ts';
import { isRunning, type Pod } from '../../workloads/pod.ts';
import { accountDeletionNotes } from '../objects/deletion-notes.ts';
import type { Impact } from './wire.ts';

/**
 * @param apps the apps that name the account; undefined if the user is not permitted to list apps
 * @param pods all pods with the account's ServiceAccount; undefined if they cannot be read
 */
export function impactOf(
  account: LinkedServiceAccount,
  apps: readonly App[] | undefined,
  pods: readonly Pod[] | undefined,
): Impact {
  const deletion = accountDeletionNotes(account, apps);
  if (!pods) return { deletion };
  const byTarget = Map.groupBy(pods.filter(isRunning), (pod) => pod.metadata.namespace ?? '');
  return {
    deletion,
    targets: (account.status?.targets ?? []).map(({ name }) => ({
      name,
      pods: (byTarget.get(name) ?? []).map((pod) => pod.metadata.name).sort(),
    })),
  };
}
