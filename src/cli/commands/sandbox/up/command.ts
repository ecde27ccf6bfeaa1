import { defineCommand } from '../../../framework/command.ts';
import { stateDirOption } from '../engine.ts';

export const sandboxUpCommand = defineCommand({
  description:
    'Starts etcd, the API server, its controllers and scheduler, a node simulated by kwok, the AWS emulator, the pod identity webhook and the operator, all on loopback, and runs them until Ctrl-C. The first start downloads or builds the programs. If the sandbox already runs, uses the running sandbox.',
  options: {
    detach: {
      short: 'd',
      summary: 'start the sandbox in the background, and return when it is ready',
    },
    name: { value: 'NAME', default: 'sandbox', summary: 'name of the cluster' },
    region: { value: 'REGION', default: 'us-west-2', summary: 'AWS region of the cluster' },
    target: {
      short: 't',
      value: 'NAME',
      repeatable: true,
      summary: 'an initial target (default: production and staging); repeat for more',
    },
    'without-operator': { summary: 'do not start the operator, so that you can run your own' },
    bare: { summary: 'do not install Konstellation, so that you can try kon install' },
    ...stateDirOption,
  },
  returns: 'document',
  examples: {
    'Run the sandbox in its own terminal': 'kon sandbox up',
    'Run the sandbox in the background, and point kubectl, aws and kon at it':
      'kon sandbox up --detach && eval "$(kon sandbox env)"',
    'Work on the operator itself':
      'kon sandbox up -d --without-operator && eval "$(kon sandbox env)" && kon operator',
  },
  run: async (context, { options }) => (await import('./handler.ts')).up(context, options),
});
