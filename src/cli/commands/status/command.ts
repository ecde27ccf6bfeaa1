import { defineCommand } from '../../framework/command.ts';

export const statusCommand = defineCommand({
  description:
    'Reads only the Kubernetes API. For checks of AWS and the network: kon doctor. Parts that you may not read are named.',
  returns: 'document',
  examples: [
    { does: 'See what needs attention', command: 'kon status' },
    {
      does: 'Objects that are not ready, for a script',
      command: "kon status -o json | jq -r '.notReady[].name'",
    },
  ],
  run: async (context) => {
    const { statusFlow } = await import('./handler.ts');
    return statusFlow(context);
  },
});
