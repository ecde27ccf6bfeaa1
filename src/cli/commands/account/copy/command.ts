import { defineCommand } from '../../../framework/command.ts';
import { dryRunOption, waitOptions } from '../../../framework/options.ts';

export const accountCopyCommand = defineCommand({
  path: ['account', 'copy'],
  summary: 'Make the same account on another cluster',
  description:
    'The copy gets a role of its own. ARNs of AWS’s policies are turned into those of the other cluster’s partition.',
  positionals: [{ name: 'name', required: true, summary: 'the name of the account', complete: 'accounts' }],
  options: [
    {
      name: 'to-context',
      value: 'NAME',
      summary: 'the context of the kubeconfig in which to make it',
      complete: 'contexts',
    },
    { name: 'as', value: 'NAME', summary: 'its name there; the same when absent' },
    dryRunOption,
    ...waitOptions,
  ],
  returns: 'written',
  mutates: true,
  examples: [{ does: 'From here to production', command: 'kon account copy myaccount --to-context prod' }],
  run: async (context, { args, options }) => {
    const { usageError } = await import('../../../framework/errors.ts');
    const { copyFlow } = await import('./handler.ts');
    if (options.toContext === undefined)
      throw usageError(
        'where to? No context was given',
        'Give one of `kubectl config get-contexts`: --to-context NAME',
      );
    return copyFlow(context, {
      ...options,
      name: args.name,
      toContext: options.toContext,
      wait: options,
    });
  },
});
