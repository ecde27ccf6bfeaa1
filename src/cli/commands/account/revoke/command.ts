import { defineCommand } from '../../../framework/command.ts';
import { accountOption, requiredName, yesOption } from '../../../framework/options.ts';
import { parseDuration } from '../../../framework/duration.ts';

export const accountRevokeCommand = defineCommand({
  description:
    'Quarantines the account, deletes its running pods, and releases it with a new role of the same name. Older sessions stay denied; the apps are interrupted until their new pods are ready. Sessions of other roles that were assumed with the account’s role are not affected. A copied token of a pod can be exchanged until it expires, and the command reports this time. Needs the rights to create and delete quarantines, and to delete pods in the targets. If the command is interrupted, the account stays in quarantine: continue with kon account release.',
  positionals: { name: { summary: 'name of the account', names: 'account', complete: 'accounts' } },
  options: {
    ...accountOption,
    reason: { value: 'TEXT', summary: 'reason to show in the status of the account' },
    ...yesOption,
    timeout: {
      value: 'DURATION',
      summary: 'maximum time to wait until the quarantine is in effect; the same maximum applies to its end',
      default: '5m',
      parse: parseDuration,
    },
  },
  mutates: true,
  examples: {
    'End all sessions after you have repaired a leak': 'kon account revoke myaccount',
    'In a script': 'kon account revoke myaccount --yes --reason "key rotation"',
  },
  run: async (context, { args, options }) => {
    const { revokeFlow } = await import('./handler.ts');
    return revokeFlow(context, { ...options, name: requiredName('account', args.name, options.account) });
  },
});
