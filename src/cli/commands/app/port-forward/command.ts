import { defineCommand } from '../../../framework/command.ts';
import { usageError } from '../../../framework/errors.ts';
import { podOption, targetOption } from '../options.ts';

export const appPortForwardCommand = defineCommand({
  description:
    'Listens on 127.0.0.1 only. Each new connection goes to the newest ready pod, so forwarding continues during a rollout. Prints one line to stdout for each port, with the local port number.',
  positionals: {
    name: { required: true, summary: 'name of the app', names: 'app', complete: 'apps' },
    port: {
      variadic: true,
      summary:
        'LOCAL:REMOTE, or REMOTE for the same number on both sides, or :REMOTE for any free local port',
    },
  },
  options: { ...targetOption, pod: { ...podOption.pod, summary: 'forward to this pod only' } },
  examples: {
    'Reach port 80 of one pod of an app': 'kon app port-forward myapp 8080:80 --target staging',
    'Forward any free local port to a named port': 'kon app port-forward myapp :http',
  },
  run: async (context, { args, options }) => {
    const { parsePortRequest } = await import('./forwarded-port.ts');
    const ports = args.port.map(parsePortRequest);
    if (ports.length === 0)
      throw usageError('no port given', `Pass LOCAL:REMOTE: kon app port-forward ${args.name} 8080:80`);
    const { portForwardFlow } = await import('./handler.ts');
    return portForwardFlow(context, { ...options, name: args.name, ports });
  },
});
