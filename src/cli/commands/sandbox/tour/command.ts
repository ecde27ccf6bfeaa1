import { defineCommand } from '../../../framework/command.ts';
import { stateDirOption } from '../engine.ts';

export const sandboxTourCommand = defineCommand({
  description:
    'Creates an app and an account and shows the effects in Kubernetes, IAM and S3, step by step. On a terminal, the sandbox keeps running after the tour. Without a terminal, the sandbox stops, and the exit code shows whether every step succeeded.',
  options: { ...stateDirOption },
  examples: { 'See it all': 'kon sandbox tour' },
  run: async (context, { options }) => (await import('./handler.ts')).takeTour(context, options.stateDir),
});
