/** Selects the pod of an app for a command that connects to one pod. */
import type { App } from '../../../api/app.ts';
import type { KubeClient } from '../../../kube/index.ts';
import { chosenTargets, podsOf, type AppPod } from '../../cluster/app-objects.ts';
import { CliError, usageError } from '../../framework/errors.ts';
import { bestPod } from './containers.ts';

export type PodChoice = { readonly target: string | undefined; readonly pod: string | undefined };
export type PickedPod = { readonly target: string; readonly pod: AppPod };

/**
 * Requires an explicit target if the app has several, because one of them might be production.
 *
 * @throws CliError of code USAGE if no target is selected, and of code NOT_FOUND if no pod is running
 */
export async function pickPod(client: KubeClient, app: App, choice: PodChoice): Promise<PickedPod> {
  const { name } = app.metadata;
  const targets = chosenTargets(app, choice.target === undefined ? [] : [choice.target]);
  if (choice.pod !== undefined) {
    for (const target of targets) {
      const pod = (await podsOf(client, app, target)).find(({ metadata }) => metadata.name === choice.pod);
      if (pod) return { target, pod };
    }
    throw new CliError('NOT_FOUND', `app "${name}" has no pod "${choice.pod}" in ${targets.join(', ')}`, {
      next: [`List the pods: kon app pods ${name}`],
    });
  }
  const [target = '', ...more] = targets;
  if (more.length > 0)
    throw usageError(
      `no target given; app "${name}" runs in ${targets.join(', ')}`,
      `Pass --target ${target}`,
    );
  const pods = await podsOf(client, app, target);
  const pod = bestPod(pods);
  if (pod) return { target, pod };
  throw new CliError('NOT_FOUND', `app "${name}" has no running pod in ${target}`, {
    details: pods.length === 0 ? [] : [`The app has ${pods.length} pods, but none is running.`],
    next: [`Find the reason: kon app status ${name}`],
  });
}
