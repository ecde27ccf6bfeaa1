import { defineCommand } from '../../../framework/command.ts';
import {
  accountOption,
  namesArgument,
  namesOrAll,
  sortOption,
  targetsOption,
} from '../../../framework/options.ts';

export const accountPodsCommand = defineCommand({
  description:
    'Without a name, lists the pods of all accounts in all targets, and other pods in the targets that hold an AWS identity. IDENTITY is current, stale (the pod holds another identity), uninjected (the pod identity webhook missed the pod), exempt (by annotation) or none wanted. HOLDS shows the identity that the pod holds.',
  positionals: { ...namesArgument('account', 'name of the account (default: all); repeat for more') },
  options: {
    ...accountOption,
    ...targetsOption('only this target (default: all targets); repeat for more'),
    'not-current': { summary: 'only pods that do not hold the identity of their account' },
    ...sortOption,
  },
  returns: 'list',
  examples: {
    'See which pod holds which role': 'kon account pods',
    'Pods that still hold an older identity': 'kon account pods myaccount --not-current',
  },
  run: async (context, { args, options }) => {
    const { accountPodsFlow } = await import('./handler.ts');
    const names = namesOrAll('account', args.name, options.account);
    return accountPodsFlow(context, { ...options, names });
  },
});
