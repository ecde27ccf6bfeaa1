import { defineCommand } from '../../framework/command.ts';
import { loadSandbox, stateDirOption } from './engine.ts';

export const sandboxDownCommand = defineCommand({
  description:
    'Stops the sandbox, and deletes everything except the logs, which are kept until the next start.',
  options: { ...stateDirOption },
  examples: { 'Stop it': 'kon sandbox down' },
  run: async (context, { options }) => {
    const { downSandbox, sandboxFolder } = await loadSandbox();
    const outcome = await downSandbox(sandboxFolder(context.env, options.stateDir, context.cwd));
    context.stdout.write(outcome === 'stopped' ? 'The sandbox is stopped.\n' : 'No sandbox was running.\n');
  },
});
