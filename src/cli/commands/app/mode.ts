/** How `halt` and `resume` change an app's spec. Pure. */
import type { App, AppSpec } from '../../../api/app.ts';
import { chosenTargets } from '../../cluster/app-objects.ts';

/** @throws CliError of code NOT_FOUND for a target where the app does not run */
export function withDeployMode(
  app: App,
  named: readonly string[],
  deployMode: AppSpec['targets'][number]['deployMode'],
): AppSpec {
  const chosen = new Set(chosenTargets(app, named));
  return {
    ...app.spec,
    targets: app.spec.targets.map((target) => (chosen.has(target.name) ? { ...target, deployMode } : target)),
  };
}
