import { defineCommand } from '../../../framework/command.ts';
import { stateDirOption } from '../options.ts';

export const sandboxTourCommand = defineCommand({
  path: ['sandbox', 'tour'],
  summary: 'Start a sandbox and walk through what Konstellation does',
  description:
    'Makes an app and an account, and shows what comes of it in Kubernetes, in IAM and in S3, step by step. On a terminal the sandbox then stays for you to try things; elsewhere it ends, and the exit code tells whether every step held.',
  options: [stateDirOption],
  examples: [{ does: 'See it all', command: 'kon sandbox tour' }],
  run: async (context, { options }) => {
    const { takeTour } = await import('./handler.ts');
    return takeTour(context, options.stateDir);
  },
});
