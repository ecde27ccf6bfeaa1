import { defineCommand } from '../../../framework/command.ts';
import { accountOption, requiredName, watchOption } from '../../../framework/options.ts';

export const accountShowCommand = defineCommand({
  path: ['account', 'show'],
  summary: 'Show an account: its role, policies, targets, and what is in the way',
  positionals: [{ name: 'name', summary: 'the name of the account', complete: 'accounts' }],
  options: [accountOption, watchOption],
  returns: 'object',
  examples: [
    { does: 'See how it is', command: 'kon account show myaccount' },
    { does: 'See how it goes on', command: 'kon account show myaccount --watch' },
    { does: 'Its role, for a script', command: 'kon account show myaccount -o json | jq -r .status.roleArn' },
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
