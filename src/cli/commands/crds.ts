import { defineCommand } from '../framework/command.ts';
import { exitCodes } from '../framework/exit-codes.ts';

export const crdsCommand = defineCommand({
  path: ['crds'],
  summary: 'Print the CustomResourceDefinitions',
  description:
    'Prints what a cluster needs to know before it takes accounts, apps and targets. Asks no cluster.',
  formats: ['yaml', 'json', 'name'],
  examples: [
    { does: 'Install or update them', command: 'kon crds | kubectl apply --server-side -f -' },
    { does: 'Look at one as JSON', command: "kon crds -o json | jq '.items[0]'" },
  ],
  run: async (context) => {
    const { crds } = await import('../../api/crds.ts');
    const { machineFormat, renderList } = await import('../framework/output/objects.ts');
    context.stdout.write(renderList(crds(), machineFormat(context.format)));
    return exitCodes.ok;
  },
});
