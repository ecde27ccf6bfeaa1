import { defineCommand } from '../../command.ts';
import { outputFormats } from '../../output/format.ts';
import { accountOption, requiredName } from '../options.ts';

export const accountShowCommand = defineCommand({
  path: ['account', 'show'],
  summary: 'Show an account: its role, policies, targets, and what is in the way',
  positionals: [{ name: 'name', summary: 'the name of the account', complete: 'accounts' }],
  options: [accountOption],
  formats: outputFormats,
  examples: [
    { does: 'See how it is', command: 'kon account show myaccount' },
    { does: 'Its role, for a script', command: 'kon account show myaccount -o json | jq -r .status.roleArn' },
  ],
  run: async (context, { args, options }) => {
    const { showFlow } = await import('../../output/show.ts');
    const { accountKind } = await import('../../kinds.ts');
    const { accountView } = await import('./details.ts');
    return showFlow(context, accountKind, requiredName('account', args.name, options.account), accountView);
  },
});
