import { defineCommand } from '../../../framework/command.ts';
import { usageError } from '../../../framework/errors.ts';
import { appOption, requiredName, targetsOption, writeOptions } from '../../../framework/options.ts';

export const appDeployCommand = defineCommand({
  description:
    'Deploys the tag to all targets that are not halted. `--target` selects only the targets to wait for.',
  positionals: { name: { summary: 'name of the app', names: 'app', complete: 'apps' } },
  options: {
    ...appOption,
    tag: { value: 'TAG', summary: 'tag of the image' },
    ...targetsOption('wait for this target only (default: all); repeat for more'),
    ...writeOptions,
  },
  returns: 'written',
  mutates: true,
  examples: {
    'Deploy a version': 'kon app deploy myapp --tag 1.2.0',
    'Return as soon as the new image runs in staging':
      'kon app deploy myapp --tag 1.2.0 --target staging --timeout 10m',
  },
  run: async (context, { args, options }) => {
    const { tag } = options;
    const name = requiredName('app', args.name, options.app);
    if (tag === undefined) throw usageError('no tag given', `Pass the tag: kon app deploy ${name} --tag TAG`);
    const { deployFlow } = await import('./handler.ts');
    return deployFlow(context, { name, tag, targets: options.target, write: options });
  },
});
