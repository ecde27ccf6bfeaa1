/** Reads the pods of an account and of an app, to see which of them do not hold what they should. */
import type { App } from '../../api/app.ts';
import type { LinkedServiceAccount } from '../../api/linked-service-account.ts';
import { resources, type KubeClient, type KubeObject } from '../../kube/index.ts';
import type { Pod } from '../../workloads/pod.ts';
import { podsOf } from '../cluster/app-objects.ts';
import { wantedRoles } from './wanted-roles.ts';
import { podsOutOfStep, type PodOutOfStep } from './out-of-step.ts';

/** Of everything that runs as the account's ServiceAccount: apps, other workloads, Jobs and bare pods. */
export async function accountPodsOutOfStep(
  client: KubeClient,
  { metadata, status }: LinkedServiceAccount,
): Promise<readonly PodOutOfStep[]> {
  const rows = await Promise.all(
    (status?.targets ?? []).map(async ({ name, roleArn, pods }) => {
      // The operator has counted them: there is nothing to look for.
      if (pods && pods.stale + pods.uninjected === 0) return [];
      const { items } = await client.list<Pod & KubeObject>(resources.pods, {
        namespace: name,
        fieldSelector: `spec.serviceAccountName=${metadata.name}`,
      });
      return podsOutOfStep(name, items, roleArn);
    }),
  );
  return rows.flat();
}

export async function appPodsOutOfStep(client: KubeClient, app: App): Promise<readonly PodOutOfStep[]> {
  if (app.spec.serviceAccount === undefined) return [];
  const roles = await wantedRoles(client, app);
  const rows = await Promise.all(
    app.spec.targets.map(async ({ name }) =>
      podsOutOfStep(name, await podsOf(client, app, name), roles.get(name)),
    ),
  );
  return rows.flat();
}
