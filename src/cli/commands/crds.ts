import { defineCommand } from '../framework/command.ts';

export const crdsCommand = defineCommand({
  description: 'Prints the CustomResourceDefinitions of Konstellation. Needs no cluster.',
  returns: 'manifests',
  examples: {
    'Install or update the CRDs': 'kon crds | kubectl apply --server-side --force-conflicts -f -',
    'Show a CRD as JSON': "kon crds -o json | jq '.items[0]'",
  },
  run: async (context) => {
    const { crds } = await import('../../api/crds.ts');
    const { writeObjects } = await import('../framework/output/answer.ts');
    await writeObjects(context, crds());
  },
});
