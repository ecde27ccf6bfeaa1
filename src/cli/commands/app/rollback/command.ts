import { defineCommand } from '../../../framework/command.ts';
import { appOption, requiredName, wholeNumber, writeOptions } from '../../../framework/options.ts';

export const appRollbackCommand = defineCommand({
  description:
    'Changes only the image, in the app’s spec and for all targets, so that a later `kon app edit` starts from the image that runs. Environment, account and scale are not rolled back. Prints the change before saving it.',
  positionals: { name: { summary: 'name of the app', names: 'app', complete: 'apps' } },
  options: {
    ...appOption,
    to: {
      value: 'REVISION',
      summary: 'revision number from `kon app history` (default: the last revision with another image)',
      parse: wholeNumber('a revision', 1, 999_999_999),
    },
    target: {
      short: 't',
      value: 'NAME',
      summary: 'target whose revision to use, if the revision numbers of targets differ',
      names: 'target',
      complete: 'targets',
    },
    ...writeOptions,
  },
  returns: 'written',
  mutates: true,
  examples: {
    'Go back to the previous image': 'kon app rollback myapp',
    'Go back to a certain revision': 'kon app rollback myapp --to 3',
    'Show the change without saving it': 'kon app rollback myapp --to 3 --dry-run',
  },
  run: async (context, { args, options }) => {
    const { getObject } = await import('../../../cluster/objects.ts');
    const { appKind } = await import('../../../cluster/kinds.ts');
    const { chosenTargets } = await import('../../../cluster/app-objects.ts');
    const { editFlow } = await import('../../../objects/edit.ts');
    const { readRevisions } = await import('../revisions.ts');
    const { planRollback, rollbackText, withImage } = await import('./plan.ts');
    const name = requiredName('app', args.name, options.app);
    const client = await context.connect();
    const app = await getObject(client, appKind, name);
    const targets = chosenTargets(app, options.target === undefined ? [] : [options.target]);
    const plan = planRollback(app, await readRevisions(client, app, targets), options.to);
    context.stderr.write(rollbackText(app, plan));
    return editFlow(context, {
      kind: appKind,
      name,
      filename: undefined,
      // Applies the change to the spec that is current at the time of the write.
      change: (current) => withImage(current.spec, plan.image),
      withoutEditor: [],
      did: 'rolled back',
      write: options,
    });
  },
});
