import { defineCommand } from '../../../framework/command.ts';
import { yesOption } from '../../../framework/options.ts';

export const accountOrphansCommand = defineCommand({
  description:
    'Finds roles in IAM with the cluster’s tags, using your own credentials. An orphan is a role that still exists although its account was deleted, for example while no operator ran. A retained role was kept by deletionPolicy Retain; --delete skips it unless --retained is given. Shows the policies and trusted principals of each role. Needs no operator, and also works after Konstellation was removed from the cluster. --delete needs the kubeconfig of the cluster: EKS, the API server and the ClusterConfig must identify the same cluster. Roles that running pods hold are not deleted. For a deleted cluster, use --cluster-gone. An adopted role is not deleted, but loses the tags of Konstellation.',
  options: {
    delete: { summary: 'delete the orphans after confirmation' },
    retained: { summary: 'with --delete, also delete retained roles' },
    'cluster-arn': {
      value: 'ARN',
      summary: 'ARN of the cluster (default: the ARN in the ClusterConfig)',
    },
    issuer: {
      value: 'URL',
      summary: 'token issuer of the cluster (default: the issuer of the connected cluster)',
    },
    'cluster-gone': {
      summary:
        'confirm that the cluster of --cluster-arn and --issuer was deleted; refused while EKS or the kubeconfig has a cluster with that issuer',
    },
    ...yesOption,
  },
  returns: 'list',
  mutates: true,
  examples: {
    'List orphans and retained roles': 'kon account orphans',
    'Also delete retained roles': 'kon account orphans --delete --retained',
    'Delete orphans in a script, without confirmation': 'kon account orphans --delete --yes',
    'Delete the roles of a deleted cluster':
      'kon account orphans --delete --cluster-gone --cluster-arn arn:aws:eks:us-west-2:123456789012:cluster/main --issuer https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE',
    'List orphans after the CRDs were deleted':
      'kon account orphans --cluster-arn arn:aws:eks:us-west-2:123456789012:cluster/main',
  },
  run: async (context, { options }) => {
    const { usageError } = await import('../../../framework/errors.ts');
    const { orphansFlow } = await import('./handler.ts');
    if (options.retained && !options.delete)
      throw usageError(
        '--retained needs --delete',
        'Retained roles are always listed. To delete them: kon account orphans --delete --retained',
      );
    return orphansFlow(context, options);
  },
});
