import { defineCommand } from '../../framework/command.ts';
import { namesArgument, selectionOptions, watchListOptions } from '../../framework/options.ts';

export const appListCommand = defineCommand({
  positionals: { ...namesArgument('app', 'only the app of this name; repeat for more') },
  options: {
    account: {
      value: 'NAME',
      repeatable: true,
      summary: 'only apps that use this account; repeat for more',
      names: 'account',
      complete: 'accounts',
    },
    ...selectionOptions,
    ...watchListOptions,
  },
  returns: 'list',
  examples: {
    'List all apps': 'kon app list',
    'Follow the changes of all apps': 'kon app list --watch',
    'Apps that use an account': 'kon app list --account myaccount',
    'List the apps that are not ready in a target': 'kon app list --target staging --not-ready',
  },
  run: async (context, { args, options }) => {
    const { listFlow } = await import('../../objects/list.ts');
    const { appKind } = await import('../../cluster/kinds.ts');
    const { appColumns } = await import('./columns.ts');
    return listFlow(context, appKind, appColumns(context.now()), { ...options, names: args.name });
  },
});
