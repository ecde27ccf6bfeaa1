/** Commands of `kon target`, in the order of help. */
import { commandsOf, type CommandGroup } from '../../framework/command.ts';
import { nounWords } from '../../framework/object-name.ts';

export const targetGroup: CommandGroup = {
  path: ['target'],
  aliases: nounWords.target.slice(1),
  section: 'Everyday commands:',
  summary: 'Where apps run',
};

export const targetCommands = commandsOf('target', {
  list: {
    aliases: ['ls', 'get'],
    summary: 'List targets with the number of accounts and apps in each',
    load: async () => (await import('./list/command.ts')).targetListCommand,
  },
  create: {
    aliases: ['new', 'add'],
    summary: 'Add a target to the cluster and wait for its namespace',
    load: async () => (await import('./create/command.ts')).targetCreateCommand,
  },
  delete: {
    aliases: ['rm', 'remove'],
    summary: 'Remove a target from the cluster and wait until no account is linked there',
    load: async () => (await import('./delete/command.ts')).targetDeleteCommand,
  },
});
