import { defineCommand, type LoadedDefinition } from '../../../framework/command.ts';
import {
  accountOption,
  filenameOption,
  namesArgument,
  namesOrAll,
  requiredNames,
} from '../../../framework/options.ts';

/** Defines `diff`, the name known from kubectl, and `plan`, the name known from Terraform. */
const define = (verb: 'plan' | 'diff'): LoadedDefinition =>
  defineCommand({
    description:
      'Reads the cluster and IAM with your own credentials and changes nothing. With -f it plans as if the manifest were applied. Exits with 0 if nothing would change, 1 if something would change, and above 1 if the changes cannot be determined.',
    positionals: {
      ...namesArgument('account', 'name of the account; several accounts are planned one after the other'),
    },
    options: { ...accountOption, ...filenameOption, delete: { summary: 'plan the deletion of the account' } },
    isQuestion: true,
    returns: 'document',
    examples: {
      'Plan a change before it is saved': `kon account ${verb} -f myaccount.yaml`,
      'Check for drift of the role': `kon account ${verb} myaccount`,
      'Plan the deletion of an account': `kon account ${verb} myaccount --delete`,
    },
    run: async (context, { args, options }) => {
      const { planFlow } = await import('./handler.ts');
      // With a manifest, a name is optional: the manifest names the account.
      const namesOf = options.filename === undefined ? requiredNames : namesOrAll;
      return planFlow(context, {
        names: namesOf('account', args.name, options.account),
        filename: options.filename,
        deletion: options.delete,
      });
    },
  });

export const accountPlanCommand = define('plan');
export const accountDiffCommand = define('diff');
