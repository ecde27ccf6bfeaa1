import { defineCommand } from '../../../framework/command.ts';
import { stateDirOption } from '../options.ts';

export const sandboxUpCommand = defineCommand({
  description:
    'Starts etcd, the API server, its controllers and scheduler, a node simulated by kwok, the AWS emulator, the pod identity webhook and the operator, all on loopback, and runs them until Ctrl-C. The first start downloads or builds the programs. Uses a sandbox that already runs.',
  options: [
    { name: 'detach', short: 'd', summary: 'start it in the background and return when it is ready' },
    { name: 'name', value: 'NAME', default: 'sandbox', summary: 'name of the cluster' },
    { name: 'region', value: 'REGION', default: 'us-west-2', summary: 'AWS region of the cluster' },
    {
      name: 'target',
      short: 't',
      value: 'NAME',
      repeatable: true,
      summary: 'an initial target (default: production and staging); repeat for more',
    },
    { name: 'without-operator', summary: 'do not start the operator, to run your own' },
    { name: 'bare', summary: 'do not install Konstellation, to try kon install' },
    stateDirOption,
  ],
  returns: 'document',
  examples: [
    { does: 'Run it in its own terminal', command: 'kon sandbox up' },
    {
      does: 'Run it in the background and point kubectl, aws and kon at it',
      command: 'kon sandbox up --detach && eval "$(kon sandbox env)"',
    },
    {
      does: 'Work on the operator itself',
      command: 'kon sandbox up -d --without-operator && eval "$(kon sandbox env)" && kon operator',
    },
  ],
  run: async (context, { options }) => {
    const { up } = await import('./handler.ts');
    return up(context, options);
  },
});
