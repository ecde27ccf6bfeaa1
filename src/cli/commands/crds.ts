import { defineCommand } from '../framework/command.ts';

export const crdsCommand = defineCommand({
  path: ['crds'],
  summary: 'Print the CustomResourceDefinitions',
  description:
    'Prints what a cluster needs to know before it takes accounts, apps and targets. Asks no cluster.',
  returns: 'manifests',
  examples: [
    { does: 'Install or update them', command: 'kon crds | kubectl apply --server-side -f -' },
    { does: 'Look at one as JSON', command: "kon crds -o json | jq '.items[0]'" },
  ],
  run: async (context) => {
    const { crds } = await import('../../api/crds.ts');
    const { writeObjects } = await import('../framework/output/answer.ts');
    await writeObjects(context, crds());
  },
});
