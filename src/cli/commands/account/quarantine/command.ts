import { defineCommand } from '../../../framework/command.ts';
import { accountOption, requiredName, writeOptions, yesOption } from '../../../framework/options.ts';

export const accountQuarantineCommand = defineCommand({
  description:
    'Creates a Quarantine and waits until every session of the account’s roles is denied and no pod can get new credentials. During the quarantine, the operator rolls out no app of the account, and does not undo your own changes to the role. The quarantine lasts until kon account release; edits, GitOps and restarts of the operator do not end it. With --pod, only the sessions of one pod with an EKS Pod Identity are denied, and the other pods are not affected; this needs allowStatements in the ClusterConfig and a permissions boundary on the role. Needs the right to create quarantines (ClusterRole konstellation-respond).',
  positionals: { name: { summary: 'name of the account', names: 'account', complete: 'accounts' } },
  options: {
    ...accountOption,
    pod: {
      value: 'POD',
      summary: 'deny only the sessions of one pod, given as NAME, TARGET/NAME or uid',
    },
    reason: { value: 'TEXT', summary: 'reason to show in the status of the account' },
    ...yesOption,
    ...writeOptions,
  },
  mutates: true,
  examples: {
    'Cut an account off after confirmation': 'kon account quarantine myaccount --reason "incident 4711"',
    'Only one pod': 'kon account quarantine myaccount --pod web-6d5c9-x7k2p',
    'Cut an account off in a script, without confirmation': 'kon account quarantine myaccount --yes',
  },
  run: async (context, { args, options }) => {
    const { quarantineFlow } = await import('./handler.ts');
    return quarantineFlow(context, {
      ...options,
      name: requiredName('account', args.name, options.account),
    });
  },
});
