import { accountKind } from '../../cluster/kinds.ts';
import { defineCommand } from '../../framework/command.ts';
import { usageError } from '../../framework/errors.ts';
import {
  accountOption,
  filenameOption,
  forceOption,
  givenName,
  targetsOption,
  writeOptions,
  yesOption,
} from '../../framework/options.ts';
import { policyOption, specOptions } from './options.ts';

export const accountEditCommand = defineCommand({
  description:
    'Opens an editor on the account, unless a file or options are given. If the text is refused, the editor opens again with the error at the top. A change of policies restarts no pod.',
  positionals: { name: { summary: 'name of the account', names: 'account', complete: 'accounts' } },
  options: {
    ...accountOption,
    policy: policyOption(
      'set the list of policies, by ARN or by name (aws/NAME, account/PATH/NAME); repeat for more',
    ),
    'add-policy': policyOption('add this policy; repeat for more'),
    'remove-policy': policyOption('remove this policy, spelled as the account lists it; repeat for more'),
    ...targetsOption('set the list of targets; repeat for more'),
    'remove-target': {
      value: 'NAME',
      repeatable: true,
      summary:
        'remove this target from the list; repeat for more. Running pods in the target keep their permissions until they end',
      names: 'target',
      complete: 'targets',
    },
    now: {
      summary:
        'with --target or --remove-target: immediately remove the permissions of running pods in the removed targets',
    },
    ...yesOption,
    'all-targets': { summary: 'allow every target of the cluster' },
    'no-boundary': {
      summary: 'remove the account’s boundary; the boundary of the ClusterConfig, if any, then applies',
    },
    ...specOptions,
    ...filenameOption,
    ...forceOption,
    ...writeOptions,
  },
  returns: 'written',
  mutates: true,
  examples: {
    'Change an account in your editor': 'kon account edit myaccount',
    'Remove a target; running pods in the target keep their permissions until they end':
      'kon account edit myaccount --remove-target staging',
    'Replace the list of policies, so that pods may write to S3':
      'kon account edit myaccount --policy arn:aws:iam::aws:policy/AmazonS3FullAccess',
    'Give pods the role by EKS Pod Identity': 'kon account edit myaccount --identity-mode PodIdentity',
    'Allow one action on one queue, without a managed policy':
      'kon account edit myaccount --allow sqs:SendMessage --on arn:aws:sqs:eu-west-1:123456789012:orders',
    'Add one policy to the list':
      'kon account edit myaccount --add-policy arn:aws:iam::aws:policy/AmazonSQSFullAccess',
  },
  run: async (context, { args, options }) => {
    if (options.now && options.target.length + options.removeTarget.length === 0)
      throw usageError(
        '--now works only with --remove-target or --target',
        'Pass the target to remove: --remove-target NAME',
      );
    const { consentToRemoval } = await import('../../objects/consent.ts');
    const { editFlow } = await import('../../objects/edit.ts');
    const { unlinkNow } = await import('../../objects/removed-targets.ts');
    const { changedSpec, describesChange, switchNote } = await import('./from-options.ts');
    return editFlow(context, {
      kind: accountKind,
      name: givenName('account', args.name, options.account),
      filename: options.filename,
      change: describesChange(options)
        ? ({ spec }) => {
            const { identityMode } = options;
            if (identityMode !== undefined && identityMode !== spec.aws.identityMode)
              context.stderr.write(switchNote(identityMode));
            return changedSpec(spec, options);
          }
        : undefined,
      annotations: options.now
        ? (current) => unlinkNow(current, changedSpec(current.spec, options).targets)
        : undefined,
      consent: consentToRemoval(context, options),
      withoutEditor: [
        'Pass the policies with --policy, --add-policy or --remove-policy, or a manifest with -f FILE.',
      ],
      write: options,
    });
  },
});
