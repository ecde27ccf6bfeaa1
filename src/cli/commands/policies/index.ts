/** Commands of `kon policies`, in the order of help. */
import { commandsOf, type CommandGroup } from '../../framework/command.ts';

export const policiesGroup: CommandGroup = {
  path: ['policies'],
  aliases: ['policy'],
  section: 'Everyday commands:',
  summary: 'AWS managed policies',
};

export const policiesCommands = commandsOf('policies', {
  search: {
    aliases: ['list', 'ls', 'get'],
    summary: 'Search AWS managed policies by name',
    load: async () => (await import('./search/command.ts')).policiesSearchCommand,
  },
  lint: {
    summary: 'Check statements of accounts, or an IAM policy document',
    load: async () => (await import('./lint/command.ts')).policiesLintCommand,
  },
  users: {
    aliases: ['used-by'],
    summary: 'List the accounts and pods that have a policy',
    load: async () => (await import('./users/command.ts')).policiesUsersCommand,
  },
});
