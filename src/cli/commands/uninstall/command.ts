import { defineCommand } from '../../framework/command.ts';
import { parseDuration } from '../../framework/duration.ts';
import { yesOption } from '../../framework/options.ts';

export const uninstallCommand = defineCommand({
  description:
    'Refuses while apps exist, and while accounts exist unless --delete-accounts is given: their roles would stay without the operator. Deletes no account while a running pod uses one. Meanwhile the API server refuses new accounts and apps. Removes only what kon install created, and lists what stays. Exits with 1 if roles are left in IAM, an operator still runs, or an object still exists after the timeout, and names it with what holds it up.',
  options: [
    {
      name: 'delete-accounts',
      summary: 'delete the accounts and their roles first, and wait for their deletion',
    },
    { name: 'cluster-name', value: 'NAME', summary: 'name of the EKS cluster, if it cannot be determined' },
    { name: 'region', value: 'REGION', summary: 'its AWS region, if it cannot be determined' },
    { name: 'self-managed', summary: 'the cluster is not an EKS cluster' },
    {
      name: 'namespace',
      value: 'NAME',
      default: 'konstellation',
      summary: 'namespace of the operator',
    },
    { name: 'dry-run', summary: 'print what would be removed and what would stay, and change nothing' },
    yesOption,
    {
      name: 'no-wait',
      summary: 'do not wait for the deletion of the last objects; accounts are always waited for',
    },
    {
      name: 'timeout',
      value: 'DURATION',
      summary: 'time limit for each account, and at the end for the rest',
      default: '2m',
      parse: parseDuration,
    },
  ],
  mutates: true,
  examples: [
    { does: 'When nothing uses it', command: 'kon uninstall' },
    { does: 'Show what would be removed', command: 'kon uninstall --dry-run' },
    { does: 'With all accounts, in a script', command: 'kon uninstall --delete-accounts --yes' },
  ],
  run: async (context, { options }) => {
    const { uninstallFlow } = await import('./handler.ts');
    return uninstallFlow(context, { ...options, wait: options });
  },
});
