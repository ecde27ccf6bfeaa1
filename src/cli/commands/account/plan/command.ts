import { defineCommand, type Command } from '../../../framework/command.ts';
import { accountOption, filenameOption, givenName } from '../../../framework/options.ts';

/** `diff` is what those who come from kubectl type, and `plan` those who come from Terraform. */
const define = (verb: 'plan' | 'diff'): Command =>
  defineCommand({
    path: ['account', verb],
    summary:
      verb === 'plan'
        ? 'Show what would change in IAM and the cluster, before it does'
        : 'Show what would change; the same as plan',
    description:
      'Asks the cluster and IAM, with your own credentials, and changes nothing. With -f it takes the manifest for written. It exits with 0 when nothing would change, with 1 when something would, and with more when that cannot be told.',
    positionals: [{ name: 'name', summary: 'the name of the account', complete: 'accounts' }],
    options: [
      accountOption,
      filenameOption,
      { name: 'delete', summary: 'show what deleting the account would do' },
    ],
    isQuestion: true,
    returns: 'document',
    examples: [
      { does: 'Before a change', command: `kon account ${verb} -f myaccount.yaml` },
      { does: 'Whether somebody changed the role meanwhile', command: `kon account ${verb} myaccount` },
      { does: 'What would go with it', command: `kon account ${verb} myaccount --delete` },
    ],
    run: async (context, { args, options }) => {
      const { planFlow } = await import('./handler.ts');
      return planFlow(context, {
        name: givenName('account', args.name, options.account),
        filename: options.filename,
        deletion: options.delete,
      });
    },
  });

export const accountPlanCommand = define('plan');
export const accountDiffCommand = define('diff');
