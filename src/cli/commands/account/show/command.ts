import { defineCommand } from '../../../framework/command.ts';
import { accountOption, requiredName, watchOption } from '../../../framework/options.ts';

export const accountShowCommand = defineCommand({
  path: ['account', 'show'],
  summary: 'Show an account: role, policies, targets and problems',
  positionals: [{ name: 'name', summary: 'name of the account', complete: 'accounts' }],
  options: [accountOption, watchOption],
  returns: 'object',
  examples: [
    { does: 'Show it', command: 'kon account show myaccount' },
    { does: 'Follow it', command: 'kon account show myaccount --watch' },
    {
      does: 'Print its role for a script',
      command: 'kon account show myaccount -o json | jq -r .status.roleArn',
    },
  ],
  run: async (context, { args, options }) => {
    const { accountKind } = await import('../../../cluster/kinds.ts');
    const { accountView } = await import('./details.ts');
    const name = requiredName('account', args.name, options.account);
    if (options.watch) {
      const { watchFlow } = await import('../../../objects/watch.ts');
      return watchFlow(context, accountKind, name, accountView);
    }
    const { showFlow } = await import('../../../objects/show.ts');
    return showFlow(context, accountKind, name, accountView);
  },
});
