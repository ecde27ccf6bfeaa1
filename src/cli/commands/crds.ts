import { defineCommand } from '../framework/command.ts';

export const crdsCommand = defineCommand({
  description:
    'Prints the CustomResourceDefinitions for accounts, apps and ClusterConfigs. Needs no cluster.',
  returns: 'manifests',
  examples: [
    {
      does: 'Install or update them',
      command: 'kon crds | kubectl apply --server-side --force-conflicts -f -',
    },
    { does: 'Show one as JSON', command: "kon crds -o json | jq '.items[0]'" },
  ],
  run: async (context) => {
    const { crds } = await import('../../api/crds.ts');
    const { writeObjects } = await import('../framework/output/answer.ts');
    await writeObjects(context, crds());
  },
});
