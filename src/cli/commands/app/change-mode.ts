/** `kon app halt` and `resume`: change the deploy mode of the selected targets, and wait only for these targets. */
import type { App, AppSpec, AppTarget } from '../../../api/app.ts';
import { chosenTargets } from '../../cluster/app-objects.ts';
import type { CliContext } from '../../framework/context.ts';
import { appKind } from '../../cluster/kinds.ts';
import { waitForTargets } from '../../framework/wait/targets.ts';
import { editFlow } from '../../objects/edit.ts';
import type { WriteInput } from '../../objects/finish.ts';

export async function modeFlow(
  context: CliContext,
  request: {
    readonly name: string;
    readonly targets: readonly string[];
    readonly mode: AppTarget['deployMode'];
    readonly write: WriteInput;
  },
): Promise<void> {
  const { name, targets, mode, write } = request;
  const isHalt = mode === 'halt';
  return editFlow(context, {
    kind: appKind,
    name,
    filename: undefined,
    change: (app) => withDeployMode(app, targets, mode),
    withoutEditor: [],
    did: isHalt ? 'halted' : 'resumed',
    until: (app, client) =>
      waitForTargets(
        context,
        client,
        app,
        chosenTargets(app, targets),
        write.timeout,
        isHalt ? 'is halted' : 'runs',
      ),
    write,
  });
}

/** @throws CliError of code NOT_FOUND for a target that the app's spec does not list */
function withDeployMode(app: App, named: readonly string[], deployMode: AppTarget['deployMode']): AppSpec {
  const chosen = new Set(chosenTargets(app, named));
  return {
    ...app.spec,
    targets: app.spec.targets.map((target) => (chosen.has(target.name) ? { ...target, deployMode } : target)),
  };
}
