import { defineCommand } from '../../command.ts';
import { outputFormats } from '../../output/format.ts';
import { yesOption } from '../options.ts';

export const accountOrphansCommand = defineCommand({
  path: ['account', 'orphans'],
  summary: 'List roles of this cluster whose account is gone, and delete them',
  description:
    'Finds the roles that carry the cluster’s marks in IAM, with your own credentials. It needs no operator: also after Konstellation was removed from the cluster it tells, and cleans up, what stayed in IAM. A role that was there before Konstellation loses its marks and stays.',
  options: [
    { name: 'delete', summary: 'delete them, after a question' },
    {
      name: 'cluster-arn',
      value: 'ARN',
      summary: 'whose roles; that of the ClusterConfig when absent',
    },
    yesOption,
  ],
  formats: outputFormats,
  examples: [
    { does: 'See whether there are any', command: 'kon account orphans' },
    { does: 'Clean up in a script', command: 'kon account orphans --delete --yes' },
    {
      does: 'After the CRDs are gone',
      command: 'kon account orphans --cluster-arn arn:aws:eks:us-west-2:123456789012:cluster/main',
    },
  ],
  run: async (context, { options }) => {
    const { orphansFlow } = await import('../../roles/orphans-flow.ts');
    return orphansFlow(context, options);
  },
});
