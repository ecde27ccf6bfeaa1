import { defineCommand } from '../../../framework/command.ts';
import {
  accountOption,
  dryRunOption,
  requiredName,
  waitOptions,
  yesOption,
} from '../../../framework/options.ts';

export const accountQuarantineCommand = defineCommand({
  description:
    'Creates a Quarantine and waits until every session of the account’s roles is denied and no pod can get new credentials. Its apps are held, and nothing that you do to the role by hand is undone. It stays until kon account release; edits, GitOps and restarts of the operator do not lift it. With --pod, only the sessions of one pod with an EKS Pod Identity are denied, and the rest of the account goes on; this needs allowStatements in the ClusterConfig and a permissions boundary on the role. Needs the right to create quarantines (ClusterRole konstellation-respond).',
  positionals: [{ name: 'name', summary: 'name of the account', names: 'account', complete: 'accounts' }],
  options: [
    accountOption,
    {
      name: 'pod',
      value: 'POD',
      summary: 'deny only the sessions of this pod: its name, TARGET/NAME, or its unique id',
    },
    { name: 'reason', value: 'TEXT', summary: 'reason, which the status of the account shows' },
    yesOption,
    dryRunOption,
    ...waitOptions,
  ],
  mutates: true,
  examples: [
    {
      does: 'Cut it off after confirmation',
      command: 'kon account quarantine myaccount --reason "incident 4711"',
    },
    { does: 'Only one pod', command: 'kon account quarantine myaccount --pod web-6d5c9-x7k2p' },
    { does: 'At once, in a script', command: 'kon account quarantine myaccount --yes' },
  ],
  run: async (context, { args, options }) => {
    const request = {
      name: requiredName('account', args.name, options.account),
      reason: options.reason,
      yes: options.yes,
      write: options,
    };
    if (options.pod !== undefined) {
      const { quarantinePodFlow } = await import('./pod.ts');
      return quarantinePodFlow(context, { ...request, pod: options.pod });
    }
    const { quarantineFlow } = await import('./handler.ts');
    return quarantineFlow(context, request);
  },
});
