/** Reads the revisions of an app in each of its targets. */
import type { App } from '../../../api/app.ts';
import type { KubeClient } from '../../../kube/index.ts';
import { deploymentOf, replicaSetsOf } from '../../cluster/app-objects.ts';
import { revisionsOf, type Revision } from './revisions.ts';

export async function readRevisions(
  client: KubeClient,
  app: App,
  targets: readonly string[],
): Promise<readonly Revision[]> {
  const perTarget = await Promise.all(
    targets.map(async (target) => {
      const [deployment, replicaSets] = await Promise.all([
        deploymentOf(client, app, target),
        replicaSetsOf(client, app, target),
      ]);
      return revisionsOf(target, deployment, replicaSets);
    }),
  );
  return perTarget.flat();
}
