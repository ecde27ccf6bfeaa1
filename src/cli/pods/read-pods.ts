/** Finds the pods of an account or an app that do not hold the desired identity. */
import type { App } from '../../api/app.ts';
import type { LinkedServiceAccount } from '../../api/linked-service-account.ts';
import type { KubeClient } from '../../kube/index.ts';
import { podsOf } from '../cluster/app-objects.ts';
import { podsWithServiceAccount } from './account-pods.ts';
import { identitiesOf, wantedIdentities } from './wanted-identities.ts';
import { podsNotCurrent, type PodNotCurrent } from './not-current.ts';

/**
 * Finds pods that have the account's ServiceAccount but lack the account's current identity: pods of apps, other
 * workloads and Jobs, and bare pods.
 */
export async function accountPodsNotCurrent(
  client: KubeClient,
  account: LinkedServiceAccount,
): Promise<readonly PodNotCurrent[]> {
  const wanted = identitiesOf(account);
  const rows = await Promise.all(
    (account.status?.targets ?? []).map(async ({ name, pods }) => {
      // According to the counts in the status, all pods of this target hold the desired identity, so the pods need not
      // be listed.
      if (pods && pods.stale + pods.uninjected === 0) return [];
      const found = await podsWithServiceAccount(client, account.metadata.name, { namespace: name });
      return podsNotCurrent(name, found, wanted.get(name));
    }),
  );
  return rows.flat();
}

export async function appPodsNotCurrent(client: KubeClient, app: App): Promise<readonly PodNotCurrent[]> {
  if (app.spec.serviceAccount === undefined) return [];
  const wanted = await wantedIdentities(client, app);
  const rows = await Promise.all(
    app.spec.targets.map(async ({ name }) =>
      podsNotCurrent(name, await podsOf(client, app, name), wanted.get(name)),
    ),
  );
  return rows.flat();
}
