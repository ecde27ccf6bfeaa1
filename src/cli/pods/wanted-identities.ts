/** Determines, from the statuses of accounts and apps, the desired identity of the pods in each target. */
import type { App } from '../../api/app.ts';
import { podIdentityAudience, stsAudience } from '../../api/labels.ts';
import type { LinkedServiceAccount } from '../../api/linked-service-account.ts';
import type { KubeClient } from '../../kube/index.ts';
import type { WantedIdentity } from '../../workloads/pod-identity.ts';
import { unlessDenied } from '../framework/denied.ts';
import { findObject } from '../cluster/objects.ts';
import { accountKind } from '../cluster/kinds.ts';

export function identitiesOf({ status }: LinkedServiceAccount): ReadonlyMap<string, WantedIdentity> {
  return new Map(
    (status?.targets ?? []).flatMap(({ name, roleArn, identityMode }) => {
      const audience = identityMode === 'PodIdentity' ? podIdentityAudience : stsAudience;
      return roleArn === undefined ? [] : [[name, { roleArn, audience }] as const];
    }),
  );
}

/**
 * Returns the identities from the account's status, which is newer than the app's status while the app waits for its
 * identity. If the user is not permitted to read accounts, returns the identities from the app's status.
 */
export async function wantedIdentities(
  client: KubeClient,
  app: App,
): Promise<ReadonlyMap<string, WantedIdentity>> {
  if (app.spec.serviceAccount === undefined) return new Map();
  const account = await accountOf(client, app);
  const reported = (app.status?.targets ?? []).flatMap(({ name, roleArn }) =>
    roleArn === undefined ? [] : [[name, { roleArn, audience: stsAudience }] as const],
  );
  return new Map([...reported, ...(account ? identitiesOf(account) : [])]);
}

/**
 * Returns the app's account. Returns undefined if the app has no account, if the account does not exist, or if the user
 * is not permitted to read the account.
 */
export async function accountOf(client: KubeClient, app: App): Promise<LinkedServiceAccount | undefined> {
  const { serviceAccount } = app.spec;
  if (serviceAccount === undefined) return undefined;
  return unlessDenied(findObject(client, accountKind, serviceAccount));
}
