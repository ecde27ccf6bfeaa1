import { defineCommand } from '../../../framework/command.ts';
import { usageError } from '../../../framework/errors.ts';
import { accountOption, requiredName, writeOptions, yesOption } from '../../../framework/options.ts';

export const accountReleaseCommand = defineCommand({
  description:
    'Deletes the Quarantines of the account and waits until the account is Ready. The account gets a new role of the same name, so that sessions from before the release stay denied. The role is replaced only after the pods from before the release have ended; otherwise these pods would get new credentials immediately. Reports until when a copied token of a pod can still be exchanged. With --pod, ends the quarantine of one pod; earlier sessions of this pod work again until they expire. Needs the right to delete quarantines (ClusterRole konstellation-release), and with --delete-pods the right to delete pods in the targets.',
  positionals: { name: { summary: 'name of the account', names: 'account', complete: 'accounts' } },
  options: {
    ...accountOption,
    pod: {
      value: 'POD',
      summary: 'end only the quarantine of one pod, given as NAME, TARGET/NAME or uid',
    },
    'delete-pods': {
      summary: 'delete the running pods of the account first; their workloads replace them',
    },
    ...yesOption,
    ...writeOptions,
  },
  mutates: true,
  examples: {
    'Release an account and replace its pods': 'kon account release myaccount --delete-pods',
    'Keep the pods, for example as evidence': 'kon account release myaccount --no-wait',
  },
  run: async (context, { args, options }) => {
    const name = requiredName('account', args.name, options.account);
    if (options.pod !== undefined && options.deletePods)
      throw usageError('--pod and --delete-pods cannot be combined');
    const { releaseFlow, releasePodFlow } = await import('./handler.ts');
    return options.pod === undefined
      ? releaseFlow(context, { ...options, name })
      : releasePodFlow(context, { ...options, name, pod: options.pod });
  },
});
