import { defineCommand } from '../../../framework/command.ts';
import { yesOption } from '../../../framework/options.ts';

export const accountOrphansCommand = defineCommand({
  path: ['account', 'orphans'],
  summary: 'List IAM roles of this cluster that have no account, and delete them',
  description:
    'Finds, with your own credentials, roles in IAM that carry the cluster’s tags. An orphan is a role whose account was deleted without the operator. A retained role was kept by deletionPolicy Retain; --delete leaves it alone unless --retained is given. Shows for each role the policies it has and whom its trust policy lets in. It needs no operator, and works after Konstellation was removed from the cluster. --delete needs the kubeconfig of the cluster: EKS, the API server and the ClusterConfig have to agree on it, and roles that running pods hold stay. For a cluster that was deleted: --cluster-gone. A role that was adopted is not deleted: it loses the tags of Konstellation.',
  options: [
    { name: 'delete', summary: 'delete them, after a question' },
    { name: 'retained', summary: 'with --delete: delete retained roles too' },
    {
      name: 'cluster-arn',
      value: 'ARN',
      summary: 'whose roles; that of the ClusterConfig when absent',
    },
    {
      name: 'issuer',
      value: 'URL',
      summary: 'token issuer of the cluster whose roles; default: that of the connected cluster',
    },
    {
      name: 'cluster-gone',
      summary:
        'the cluster of --cluster-arn and --issuer was deleted; refused while EKS or the kubeconfig knows a cluster of that issuer',
    },
    yesOption,
  ],
  returns: 'list',
  mutates: true,
  examples: [
    { does: 'See whether there are any', command: 'kon account orphans' },
    {
      does: 'Delete roles that were retained on purpose, too',
      command: 'kon account orphans --delete --retained',
    },
    { does: 'Clean up in a script', command: 'kon account orphans --delete --yes' },
    {
      does: 'After the cluster was deleted',
      command:
        'kon account orphans --delete --cluster-gone --cluster-arn arn:aws:eks:us-west-2:123456789012:cluster/main --issuer https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE',
    },
    {
      does: 'After the CRDs are gone',
      command: 'kon account orphans --cluster-arn arn:aws:eks:us-west-2:123456789012:cluster/main',
    },
  ],
  run: async (context, { options }) => {
    const { usageError } = await import('../../../framework/errors.ts');
    const { orphansFlow } = await import('./handler.ts');
    if (options.retained && !options.delete)
      throw usageError(
        '--retained was given without --delete',
        'Retained roles are listed anyway. To delete them: kon account orphans --delete --retained',
      );
    return orphansFlow(context, options);
  },
});
