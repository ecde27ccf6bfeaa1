/** Commands of `kon account`, in the order of help. */
import { commandsOf, type CommandGroup } from '../../framework/command.ts';
import { nounWords } from '../../framework/object-name.ts';

export const accountGroup: CommandGroup = {
  path: ['account'],
  aliases: nounWords.account.slice(1),
  section: 'Everyday commands:',
  summary: 'AWS permissions of apps',
  advice: {
    rename:
      'An account cannot be renamed. Copy the account under another name (kon account export NAME), move its apps to the copy, then delete the old account.',
  },
};

export const accountCommands = commandsOf('account', {
  create: {
    aliases: ['new'],
    summary: 'Create an account and wait until its AWS permissions work',
    load: async () => (await import('./create/command.ts')).accountCreateCommand,
  },
  edit: {
    aliases: ['update'],
    summary: 'Change an account and wait until the change has taken effect in AWS',
    load: async () => (await import('./edit.ts')).accountEditCommand,
  },
  list: {
    aliases: ['ls', 'get'],
    summary: 'List the accounts',
    load: async () => (await import('./list/command.ts')).accountListCommand,
  },
  show: {
    aliases: ['describe', 'status'],
    summary: 'Show an account: role, policies, targets and problems',
    load: async () => (await import('./show/command.ts')).accountShowCommand,
  },
  delete: {
    aliases: ['rm', 'remove'],
    summary: 'Delete an account and its IAM role',
    load: async () => (await import('./delete.ts')).accountDeleteCommand,
  },
  plan: {
    summary: 'Show planned changes in IAM and the cluster',
    load: async () => (await import('./plan/command.ts')).accountPlanCommand,
  },
  diff: {
    summary: 'Show planned changes; alias of plan',
    load: async () => (await import('./plan/command.ts')).accountDiffCommand,
  },
  verify: {
    summary: 'Prove for each target that pods can assume the role',
    load: async () => (await import('./verify/command.ts')).accountVerifyCommand,
  },
  'can-i': {
    summary: "Check whether an account's pods may perform an action, and show the deciding statement",
    load: async () => (await import('./can-i/command.ts')).accountCanICommand,
  },
  suggest: {
    summary: 'Suggest fewer permissions, based on the last uses that IAM reports',
    load: async () => (await import('./suggest/command.ts')).accountSuggestCommand,
  },
  pods: {
    summary: 'List which pod holds which role',
    load: async () => (await import('./pods.ts')).accountPodsCommand,
  },
  history: {
    summary: 'Show the history of an account: Events, condition transitions, writers',
    load: async () => (await import('./history/command.ts')).accountHistoryCommand,
  },
  import: {
    summary: 'Import an existing IAM role, for example a role that eksctl or Terraform created',
    load: async () => (await import('./import/command.ts')).accountImportCommand,
  },
  export: {
    summary: 'Print one account or all accounts as manifests',
    load: async () => (await import('./export.ts')).accountExportCommand,
  },
  copy: {
    summary: 'Copy an account to another cluster',
    load: async () => (await import('./copy/command.ts')).accountCopyCommand,
  },
  orphans: {
    summary: 'List or delete IAM roles of this cluster whose account no longer exists',
    load: async () => (await import('./orphans/command.ts')).accountOrphansCommand,
  },
  quarantine: {
    summary: 'Cut an account off: deny the sessions of its role, and let no pod assume the role',
    load: async () => (await import('./quarantine/command.ts')).accountQuarantineCommand,
  },
  release: {
    summary: 'End the quarantine of an account',
    load: async () => (await import('./release/command.ts')).accountReleaseCommand,
  },
  revoke: {
    summary: 'End all current sessions of an account and replace its pods',
    load: async () => (await import('./revoke/command.ts')).accountRevokeCommand,
  },
});
