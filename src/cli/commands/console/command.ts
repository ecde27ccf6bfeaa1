import { defineCommand } from '../../framework/command.ts';
import { wholeNumber } from '../../framework/options.ts';

export const consoleCommand = defineCommand({
  description:
    'Serves a page on this machine only, with your kubeconfig and your own rights, until Ctrl-C. The printed link works only once. Your credentials do not leave this process. docs/guides/console.md describes the screens.',
  options: {
    port: {
      value: 'N',
      parse: wholeNumber('a port', 0, 65_535),
      default: '0',
      summary: 'port on 127.0.0.1 (0: any free port)',
    },
    'no-open': { summary: 'print the link without opening a browser' },
    'in-cluster': {
      summary: 'serve in a pod, on all addresses, for users with their own bearer tokens',
    },
  },
  examples: {
    'Open it': 'kon console',
    'Serve the console for another cluster without opening a browser': 'kon console --context NAME --no-open',
  },
  run: async (context, { options }) => (await import('./handler.ts')).serveConsole(context, options),
});
