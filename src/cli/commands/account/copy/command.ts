import { defineCommand } from '../../../framework/command.ts';
import { dryRunOption, waitOptions } from '../../../framework/options.ts';

export const accountCopyCommand = defineCommand({
  description:
    'The copy gets its own role. Policies of AWS and of the AWS account of this cluster are listed by name, so that the other cluster attaches its own policies of these names.',
  positionals: [
    { name: 'name', required: true, summary: 'name of the account', names: 'account', complete: 'accounts' },
  ],
  options: [
    {
      name: 'to-context',
      value: 'NAME',
      summary: 'kubeconfig context of the other cluster',
      complete: 'contexts',
    },
    { name: 'new-name', value: 'NAME', summary: 'its name there (default: the same)' },
    dryRunOption,
    ...waitOptions,
  ],
  returns: 'written',
  mutates: true,
  examples: [{ does: 'Copy it to production', command: 'kon account copy myaccount --to-context prod' }],
  run: async (context, { args, options }) => {
    const { usageError } = await import('../../../framework/errors.ts');
    const { copyFlow } = await import('./handler.ts');
    if (options.toContext === undefined)
      throw usageError('no context given', 'Choose one of `kubectl config get-contexts`: --to-context NAME');
    if (context.global.as !== undefined)
      throw usageError(
        'kon account copy does not support --as, because it writes to another cluster',
        'For another name there, pass --new-name NAME.',
      );
    return copyFlow(context, {
      ...options,
      as: options.newName,
      name: args.name,
      toContext: options.toContext,
      wait: options,
    });
  },
});
