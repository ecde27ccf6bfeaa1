/** Commands of `kon app`, in the order of the help. */
import { commandsOf, type CommandGroup } from '../../framework/command.ts';
import { nounWords } from '../../framework/object-name.ts';

export const appGroup: CommandGroup = {
  path: ['app'],
  aliases: nounWords.app.slice(1),
  section: 'Everyday commands:',
  summary: 'Applications, their targets and accounts',
  advice: {
    rename:
      'An app cannot be renamed. Copy the app under another name (kon app export NAME), then delete the old app.',
  },
};

export const appCommands = commandsOf('app', {
  create: {
    aliases: ['new'],
    summary: 'Create an app and wait until it runs',
    load: async () => (await import('./create.ts')).appCreateCommand,
  },
  edit: {
    aliases: ['update'],
    summary: 'Change an app and wait until the changed app runs',
    load: async () => (await import('./edit.ts')).appEditCommand,
  },
  list: {
    aliases: ['ls', 'get'],
    summary: 'List the apps',
    load: async () => (await import('./list.ts')).appListCommand,
  },
  show: {
    summary: 'Show an app; alias of status',
    load: async () => (await import('./status/command.ts')).appShowCommand,
  },
  status: {
    aliases: ['describe'],
    summary: 'Show an app: targets, pods, identity and problems',
    load: async () => (await import('./status/command.ts')).appStatusCommand,
  },
  deploy: {
    summary: 'Deploy another tag of an app’s image and wait until it runs',
    load: async () => (await import('./deploy.ts')).appDeployCommand,
  },
  restart: {
    summary: 'Replace the pods of an app, one target after the other',
    load: async () => (await import('./restart/command.ts')).appRestartCommand,
  },
  halt: {
    summary: 'Scale an app to zero and keep everything else',
    load: async () => (await import('./mode-commands.ts')).appHaltCommand,
  },
  resume: {
    summary: 'Restart a halted app and wait until it runs',
    load: async () => (await import('./mode-commands.ts')).appResumeCommand,
  },
  history: {
    summary: 'List the revisions of an app in each target, newest first',
    load: async () => (await import('./history.ts')).appHistoryCommand,
  },
  rollback: {
    summary: 'Go back to the image of an earlier revision and wait until it runs',
    load: async () => (await import('./rollback/command.ts')).appRollbackCommand,
  },
  pods: {
    summary: 'List the pods of apps and the AWS identity of each',
    load: async () => (await import('./pods.ts')).appPodsCommand,
  },
  'can-i': {
    summary: "Check whether an app's pods may perform an action, and show the deciding statement",
    load: async () => (await import('./can-i.ts')).appCanICommand,
  },
  logs: {
    aliases: ['log'],
    summary: "Print or follow the logs of an app's pods",
    load: async () => (await import('./logs/command.ts')).appLogsCommand,
  },
  shell: {
    aliases: ['exec'],
    summary: 'Open a shell or run a program in a pod of an app',
    load: async () => (await import('./shell/command.ts')).appShellCommand,
  },
  'port-forward': {
    summary: 'Forward local ports to an app’s pods until Ctrl-C',
    load: async () => (await import('./port-forward/command.ts')).appPortForwardCommand,
  },
  export: {
    summary: 'Print an app’s manifest',
    load: async () => (await import('./export.ts')).appExportCommand,
  },
  delete: {
    aliases: ['rm', 'remove'],
    summary: 'Delete an app and its objects in all targets',
    load: async () => (await import('./delete.ts')).appDeleteCommand,
  },
});
