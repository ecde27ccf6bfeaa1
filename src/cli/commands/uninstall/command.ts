import { defineCommand } from '../../framework/command.ts';
import { parseDuration } from '../../framework/duration.ts';
import { yesOption } from '../../framework/options.ts';

export const uninstallCommand = defineCommand({
  path: ['uninstall'],
  summary: 'Remove what kon install made, from the cluster and from IAM, and wait until it is gone',
  description:
    'Refuses while apps exist, and while accounts exist unless --delete-accounts is given: their roles would stay without the operator. Deletes no account while a running pod uses one. New accounts and apps are refused meanwhile. Takes away only what kon install made: what other tools did stays, and is named. Exits with 1 when roles are left in IAM, an operator still runs, or something is still there when the time is over, and says which and what holds it.',
  options: [
    { name: 'delete-accounts', summary: 'delete the accounts and their roles first, and wait for it' },
    { name: 'cluster-name', value: 'NAME', summary: 'the EKS cluster, where nothing else tells' },
    { name: 'region', value: 'REGION', summary: 'its AWS region, where nothing else tells' },
    { name: 'self-managed', summary: 'the cluster is not of EKS' },
    {
      name: 'namespace',
      value: 'NAME',
      default: 'konstellation',
      summary: 'the operator’s own namespace',
    },
    { name: 'dry-run', summary: 'say what would go and what would stay, and change nothing' },
    yesOption,
    {
      name: 'no-wait',
      summary: 'return before the last of it is gone; accounts are waited for in any case',
    },
    {
      name: 'timeout',
      value: 'DURATION',
      summary: 'how long to wait for each account, and at the end for the rest',
      default: '2m',
      parse: parseDuration,
    },
  ],
  mutates: true,
  examples: [
    { does: 'When nothing uses it any more', command: 'kon uninstall' },
    { does: 'See what would go', command: 'kon uninstall --dry-run' },
    { does: 'With all accounts, in a script', command: 'kon uninstall --delete-accounts --yes' },
  ],
  run: async (context, { options }) => {
    const { uninstallFlow } = await import('./handler.ts');
    return uninstallFlow(context, { ...options, wait: options });
  },
});
