import { defineCommand } from '../../../framework/command.ts';
import { stateDirOption } from '../engine.ts';

export const sandboxStatusCommand = defineCommand({
  description:
    'Exits with 0 if everything runs and 1 otherwise. -o json prints kubeconfig, awsEndpoint, kubectl, env (every variable that kubectl, the AWS CLI and kon need), and for each part its process, memory and log.',
  options: { ...stateDirOption },
  returns: 'status',
  examples: {
    'See what runs': 'kon sandbox status',
    'Get one value for a script': 'kon sandbox status -o json | jq -r .awsEndpoint',
  },
  run: async (context, { options }) => (await import('./handler.ts')).status(context, options.stateDir),
});
