import { defineCommand } from '../../../framework/command.ts';
import { stateDirOption } from '../options.ts';

export const sandboxUpCommand = defineCommand({
  path: ['sandbox', 'up'],
  summary: 'Start a local cluster with an AWS emulator and the controller',
  description:
    'Starts etcd, the API server, its controllers and scheduler, a node that kwok plays, an AWS on this machine, the pod identity webhook and the operator, all on loopback, and keeps them until Ctrl-C. The first time it downloads or builds what it needs. Finds a sandbox that runs already.',
  options: [
    { name: 'detach', short: 'd', summary: 'start it in the background, and return when it is ready' },
    { name: 'name', value: 'NAME', default: 'sandbox', summary: 'what the cluster is called' },
    { name: 'region', value: 'REGION', default: 'us-west-2', summary: 'the AWS region it is in' },
    {
      name: 'target',
      short: 't',
      value: 'NAME',
      repeatable: true,
      summary: 'a target to begin with; repeat for more, production and staging when absent',
    },
    { name: 'without-operator', summary: 'leave out the operator, to run your own' },
    { name: 'bare', summary: 'leave out all of Konstellation, to try kon install' },
    stateDirOption,
  ],
  returns: 'document',
  examples: [
    { does: 'Try things out, in a terminal of its own', command: 'kon sandbox up' },
    {
      does: 'Have it in the background, and kubectl, aws and kon pointed at it',
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
