import { defineCommand } from '../../framework/command.ts';
import { parseDuration } from '../../framework/duration.ts';
import { yesOption } from '../../framework/options.ts';

export const uninstallCommand = defineCommand({
  description:
    'Refuses while apps exist. Also refuses while accounts exist, because their roles would remain without an operator; with --delete-accounts, first deletes the accounts. Deletes no account if a running pod uses any of them. During the command, the API server refuses new accounts and apps. Removes only objects that kon install created, and lists the remaining objects. Exits with 1 if roles are left in IAM, an operator still runs, or an object still exists after the timeout, and names the object and the cause.',
  options: {
    'delete-accounts': {
      summary: 'delete the accounts and their roles first, and wait for their deletion',
    },
    'cluster-name': { value: 'NAME', summary: 'name of the EKS cluster, if it cannot be determined' },
    region: { value: 'REGION', summary: 'AWS region of the EKS cluster, if it cannot be determined' },
    'self-managed': { summary: 'the cluster is not an EKS cluster' },
    namespace: {
      value: 'NAME',
      default: 'konstellation',
      summary: 'namespace of the operator',
    },
    'dry-run': {
      summary: 'print the objects that would be removed and those that would remain, and change nothing',
    },
    ...yesOption,
    'no-wait': {
      summary:
        'do not wait for the objects that are deleted after the accounts; the command always waits for the accounts',
    },
    timeout: {
      value: 'DURATION',
      summary:
        'time limit for the deletion of each account, and then for the deletion of all other objects together',
      default: '2m',
      parse: parseDuration,
    },
  },
  mutates: true,
  examples: {
    'Uninstall after all apps and accounts were deleted': 'kon uninstall',
    'Show the objects that would be removed': 'kon uninstall --dry-run',
    'Uninstall in a script, and delete all accounts': 'kon uninstall --delete-accounts --yes',
  },
  run: async (context, { options }) =>
    (await import('./handler.ts')).uninstallFlow(context, { ...options, wait: options }),
});
