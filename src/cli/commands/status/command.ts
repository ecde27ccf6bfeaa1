import { defineCommand } from '../../framework/command.ts';

export const statusCommand = defineCommand({
  description:
    'Reads only the Kubernetes API. For checks of AWS and the network: kon doctor. Names the resources that you are not permitted to read.',
  returns: 'document',
  examples: {
    'Show what needs attention': 'kon status',
    'Print the objects that are not ready, for a script': "kon status -o json | jq -r '.notReady[].name'",
  },
  run: async (context) => (await import('./handler.ts')).statusFlow(context),
});
