import { defineCommand } from '../../../framework/command.ts';
import {
  accountOption,
  filenameOption,
  forceOption,
  givenName,
  targetsOption,
  writeOptions,
} from '../../../framework/options.ts';
import { policyOption, specOptions } from '../options.ts';

export const accountCreateCommand = defineCommand({
  description:
    'On a terminal, prompts for policies of AWS and of your AWS account, and opens your editor with a manifest if you choose none. Without a terminal, opens the editor that KON_EDITOR, VISUAL or EDITOR names. With a file or options, the command asks nothing. In all cases, the command then waits until the IAM role is created, and is linked and proven in every target.',
  positionals: { name: { summary: 'name of the account', names: 'account' } },
  options: {
    ...accountOption,
    policy: policyOption(
      "an IAM managed policy for the account's pods, by ARN or by name (aws/NAME, account/PATH/NAME); repeat for more",
    ),
    ...targetsOption('a target whose apps may use the account (default: all); repeat for more'),
    ...specOptions,
    ...filenameOption,
    ...forceOption,
    ...writeOptions,
  },
  returns: 'written',
  mutates: true,
  examples: {
    'Choose the policies, or write the manifest in an editor': 'kon account create --account myaccount',
    'Without an editor':
      'kon account create myaccount --policy arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess',
    'List policies by names, which are the same on every cluster':
      'kon account create myaccount --policy aws/AmazonS3ReadOnlyAccess --policy account/orders',
    'From a file': 'kon account create -f myaccount.yaml',
  },
  run: async (context, { args, options }) => {
    const { createFlow } = await import('../../../objects/create.ts');
    const { accountKind } = await import('../../../cluster/kinds.ts');
    const { accountTemplate } = await import('../../../manifest/template.ts');
    const { knownTargets } = await import('../../../cluster/cluster-config.ts');
    const { accountManifest, describesAccount } = await import('../from-options.ts');
    return createFlow(context, {
      kind: accountKind,
      name: givenName('account', args.name, options.account),
      filename: options.filename,
      fromOptions: describesAccount(options)
        ? async (_client, name) => accountManifest(name, options)
        : undefined,
      ask: async (client, name) => {
        const { offeredPolicies, pickPolicies } = await import('./pick-policies.ts');
        const policy = await pickPolicies(context, name, await offeredPolicies(context, client));
        return policy.length === 0 ? undefined : accountManifest(name, { ...options, policy });
      },
      template: async (client, name) => accountTemplate(name, await knownTargets(client)),
      withoutEditor: ['Pass the policies with --policy POLICY, or a manifest with -f FILE.'],
      write: options,
    });
  },
});
