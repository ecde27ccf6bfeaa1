import { defineCommand } from '../../framework/command.ts';
import { stateDirOption } from './options.ts';

export const sandboxEnvCommand = defineCommand({
  description:
    'For eval in sh, bash or zsh. Also overrides variables of your shell that would point elsewhere, such as AWS_PROFILE. PATH stays as it is; a shell without kubectl gets that of the sandbox at its end.',
  options: [stateDirOption],
  examples: [{ does: 'Set them in this shell', command: 'eval "$(kon sandbox env)"' }],
  run: async (context, { options }) => {
    const { printEnvironment } = await import('./status/handler.ts');
    return printEnvironment(context, options.stateDir);
  },
});
