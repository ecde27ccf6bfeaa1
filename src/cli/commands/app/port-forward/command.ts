import { defineCommand } from '../../../framework/command.ts';
import { usageError } from '../../../framework/errors.ts';
import { podOption, targetOption } from '../targets-option.ts';

export const appPortForwardCommand = defineCommand({
  path: ['app', 'port-forward'],
  summary: 'Let ports of this machine lead to an app’s pods, until Ctrl-C',
  description:
    'Listens on 127.0.0.1 only. Each connection goes to the newest pod that is ready at that moment, so that it works over a roll-out. stdout has one line for each port, with the number that was taken.',
  positionals: [
    { name: 'name', required: true, summary: 'the name of the app', complete: 'apps' },
    {
      name: 'port',
      variadic: true,
      summary: 'LOCAL:REMOTE; REMOTE for the same on both sides; :REMOTE for any free port here',
    },
  ],
  options: [targetOption, { ...podOption, summary: 'always to this pod' }],
  examples: [
    { does: 'Reach port 80 of its pods', command: 'kon app port-forward myapp 8080:80 --target staging' },
    { does: 'By the name of the port, from any free one', command: 'kon app port-forward myapp :http' },
  ],
  run: async (context, { args, options }) => {
    const { parsePortRequest } = await import('./forwarded-port.ts');
    const ports = args.port.map(parsePortRequest);
    if (ports.length === 0)
      throw usageError(
        'which port? None was given',
        `Give it as LOCAL:REMOTE: kon app port-forward ${args.name} 8080:80`,
      );
    const { portForwardFlow } = await import('./handler.ts');
    return portForwardFlow(context, { ...options, name: args.name, ports });
  },
});
