import { defineCommand } from '../../../framework/command.ts';
import {
  accountOption,
  namesArgument,
  onlyName,
  requiredNames,
  watchOption,
} from '../../../framework/options.ts';

export const accountShowCommand = defineCommand({
  positionals: {
    ...namesArgument('account', 'name of the account; several accounts are shown one after the other'),
  },
  options: {
    ...accountOption,
    ...watchOption,
    details: { summary: 'also show ARNs of policies, all conditions, Events and default values' },
  },
  returns: 'object',
  examples: {
    'Show an account': 'kon account show myaccount',
    'Show everything': 'kon account show myaccount --details',
    'Follow the changes of an account': 'kon account show myaccount --watch',
    'Print the role of an account for a script': 'kon account show myaccount -o json | jq -r .status.roleArn',
  },
  run: async (context, { args, options }) => {
    const { accountKind } = await import('../../../cluster/kinds.ts');
    const { accountView } = await import('./details.ts');
    const names = requiredNames('account', args.name, options.account);
    if (options.watch) {
      const { watchFlow } = await import('../../../objects/watch.ts');
      return watchFlow(context, accountKind, onlyName(names), accountView(options.details));
    }
    const { showFlow } = await import('../../../objects/show.ts');
    return showFlow(context, accountKind, names, accountView(options.details));
  },
});
