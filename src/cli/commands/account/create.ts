import { defineCommand } from '../../command.ts';
import { writeFormats } from '../../write/formats.ts';
import { accountOption, dryRunOption, filenameOption, givenName, waitOptions } from '../options.ts';

export const accountCreateCommand = defineCommand({
  path: ['account', 'create'],
  summary: 'Create an account and wait until its AWS permissions are there',
  description:
    'Opens an editor on a manifest to fill in, unless a file or policies are given. Then waits until the IAM role is made, linked and proven in every target.',
  positionals: [{ name: 'name', summary: 'the name of the account' }],
  options: [
    accountOption,
    {
      name: 'policy',
      value: 'ARN',
      repeatable: true,
      summary: 'an IAM managed policy that pods of the account hold; repeat for more',
      complete: 'policies',
    },
    {
      name: 'target',
      value: 'NAME',
      repeatable: true,
      summary: 'a target whose apps may use the account; repeat for more, all when absent',
      complete: 'targets',
    },
    {
      name: 'boundary',
      value: 'ARN',
      summary: 'the managed policy that bounds the role',
      complete: 'policies',
    },
    {
      name: 'deletion-policy',
      value: 'POLICY',
      choices: ['Delete', 'Retain'],
      summary: 'what becomes of the role when the account is deleted',
    },
    filenameOption,
    dryRunOption,
    ...waitOptions,
  ],
  formats: writeFormats,
  examples: [
    { does: 'Write the account in an editor', command: 'kon account create --account myaccount' },
    {
      does: 'Without an editor',
      command: 'kon account create myaccount --policy arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess',
    },
    { does: 'From a file', command: 'kon account create -f myaccount.yaml' },
  ],
  run: async (context, { args, options }) => {
    const { createFlow } = await import('../../write/create.ts');
    const { accountKind } = await import('../../kinds.ts');
    const { accountTemplate } = await import('../../manifest/template.ts');
    const { knownTargets } = await import('../../cluster/targets.ts');
    const { accountManifest, describesAccount } = await import('./from-options.ts');
    const described = {
      policies: options.policy,
      targets: options.target,
      boundary: options.boundary,
      deletionPolicy: options.deletionPolicy,
    };
    return createFlow(context, {
      kind: accountKind,
      name: givenName('account', args.name, options.account),
      filename: options.filename,
      fromOptions: describesAccount(described)
        ? async (_client, name) => accountManifest(name, described)
        : undefined,
      template: async (client, name) => accountTemplate(name, await knownTargets(client)),
      withoutEditor: ['Give the policies with --policy ARN, or a manifest with -f FILE.'],
      write: options,
    });
  },
});
