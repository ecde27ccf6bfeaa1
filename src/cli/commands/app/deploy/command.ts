import { defineCommand } from '../../../framework/command.ts';
import { usageError } from '../../../framework/errors.ts';
import { appOption, dryRunOption, requiredName, waitOptions } from '../../../framework/options.ts';
import { targetsOption } from '../targets-option.ts';

export const appDeployCommand = defineCommand({
  path: ['app', 'deploy'],
  summary: 'Deploy another tag of an app’s image, and wait until it runs',
  description:
    'The tag is the whole app’s: it goes to all targets that are not halted. `--target` says for which of them to wait.',
  positionals: [{ name: 'name', summary: 'the name of the app', complete: 'apps' }],
  options: [
    appOption,
    { name: 'tag', value: 'TAG', summary: 'the tag of the image' },
    { ...targetsOption, summary: 'wait for this target only; repeat for more, for all when absent' },
    dryRunOption,
    ...waitOptions,
  ],
  returns: 'written',
  mutates: true,
  examples: [
    { does: 'Deploy a version', command: 'kon app deploy myapp --tag 1.2.0' },
    {
      does: 'Go on as soon as it runs in staging',
      command: 'kon app deploy myapp --tag 1.2.0 --target staging --timeout 10m',
    },
  ],
  run: async (context, { args, options }) => {
    const { tag } = options;
    const name = requiredName('app', args.name, options.app);
    if (tag === undefined)
      throw usageError('which tag? None was given', `Give it: kon app deploy ${name} --tag TAG`);
    const { deployFlow } = await import('./handler.ts');
    return deployFlow(context, { name, tag, targets: options.target, write: options });
  },
});
