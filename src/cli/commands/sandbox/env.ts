import { defineCommand } from '../../framework/command.ts';
import { stateDirOption } from './engine.ts';

export const sandboxEnvCommand = defineCommand({
  description:
    'Prints export commands, for eval in sh, bash or zsh. Also overrides variables of your shell that would select another cluster or AWS account, such as AWS_PROFILE. If your shell has no kubectl, appends the folder of the sandbox’s kubectl to PATH.',
  options: { ...stateDirOption },
  examples: { 'Set the variables in this shell': 'eval "$(kon sandbox env)"' },
  run: async (context, { options }) =>
    (await import('./status/handler.ts')).printEnvironment(context, options.stateDir),
});
