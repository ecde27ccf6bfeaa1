/** Which role the pods of an app are to hold in each of its targets, by what the operator says of it. */
import type { App } from '../../api/app.ts';
import { isForbidden, type KubeClient } from '../../kube/index.ts';
import { findObject } from '../cluster/objects.ts';
import { accountKind } from '../kinds.ts';

/**
 * The account's own status is ahead of the app's while an app waits for its identity. Who may not read accounts is told
 * by the app's.
 */
export async function wantedRoles(client: KubeClient, app: App): Promise<ReadonlyMap<string, string>> {
  const { serviceAccount } = app.spec;
  if (serviceAccount === undefined) return new Map();
  const account = await findObject(client, accountKind, serviceAccount).catch((error: unknown) => {
    if (isForbidden(error)) return undefined;
    throw error;
  });
  const rows = [...(app.status?.targets ?? []), ...(account?.status?.targets ?? [])];
  return new Map(rows.flatMap(({ name, roleArn }) => (roleArn === undefined ? [] : [[name, roleArn]])));
}
