import { defineCommand } from '../../../framework/command.ts';
import { writeOptions } from '../../../framework/options.ts';

export const accountCopyCommand = defineCommand({
  description:
    'The copy gets its own role. AWS managed policies and policies in the AWS account of this cluster are listed by name, so that the other cluster attaches the policies with these names in its own AWS account.',
  positionals: {
    name: { required: true, summary: 'name of the account', names: 'account', complete: 'accounts' },
  },
  options: {
    'to-context': {
      value: 'NAME',
      summary: 'kubeconfig context of the other cluster',
      complete: 'contexts',
    },
    'new-name': {
      value: 'NAME',
      summary: 'name of the account on the other cluster (default: the same name)',
    },
    ...writeOptions,
  },
  returns: 'written',
  mutates: true,
  examples: {
    'Copy an account to the production cluster': 'kon account copy myaccount --to-context prod',
  },
  run: async (context, { args, options }) => {
    const { usageError } = await import('../../../framework/errors.ts');
    const { copyFlow } = await import('./handler.ts');
    if (options.toContext === undefined)
      throw usageError(
        'no context given',
        'Choose a context that `kubectl config get-contexts` lists: --to-context NAME',
      );
    if (context.global.as !== undefined)
      throw usageError(
        'kon account copy does not support --as, because the command writes to another cluster',
        'For another name on the other cluster, pass --new-name NAME.',
      );
    return copyFlow(context, { ...options, name: args.name, toContext: options.toContext });
  },
});
