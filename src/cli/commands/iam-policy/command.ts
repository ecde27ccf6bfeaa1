import { defineCommand } from '../../framework/command.ts';
import { usageError } from '../../framework/errors.ts';
import { filenameOption } from '../../framework/options.ts';

/** @throws CliError of code USAGE */
function parseAccountId(text: string): string {
  if (!/^[0-9]{12}$/.test(text))
    throw usageError(`"${text}" is not the ID of an AWS account`, 'Give its twelve digits.');
  return text;
}

export const iamPolicyCommand = defineCommand({
  path: ['iam-policy'],
  summary: 'Print the IAM policy that the operator needs',
  description:
    "Prints what the operator may do in the AWS account: its calls and no others, on roles of this cluster only, limited by rolePath, permissionsBoundaryArn, allowedPolicyArns, tags and allowedTagKeys of the ClusterConfig. Give it to the operator's own role, and print it again after these have changed. Needs a boundary or allowed policies, in the ClusterConfig or as options; without them whoever has the operator's credentials has the AWS account, which --unbounded accepts. Asks AWS nothing.",
  options: [
    {
      ...filenameOption,
      summary: 'read the ClusterConfig from a file, or from stdin with -, and not from the cluster',
    },
    {
      name: 'account-id',
      value: 'ID',
      parse: parseAccountId,
      summary: 'the AWS account, where the ClusterConfig does not say it',
    },
    {
      name: 'boundary',
      value: 'ARN',
      summary: "the managed policy that bounds every role; default: the ClusterConfig's",
      complete: 'policies',
    },
    {
      name: 'allow-policy',
      value: 'PATTERN',
      repeatable: true,
      summary:
        "ARNs of policies (* and ?) that may be attached; default: the ClusterConfig's; repeat for more",
    },
    {
      name: 'unbounded',
      summary:
        'accept an operator that neither limits: its AWS credentials can create a role with AdministratorAccess',
    },
    {
      name: 'adopt',
      summary:
        "let the operator take over roles outside the path, each once it has the tag k11n.dev/cluster with the cluster's ARN",
    },
  ],
  returns: 'policy',
  examples: [
    {
      does: "Set it on the operator's role",
      command:
        'aws iam put-role-policy --role-name konstellation --policy-name operator --policy-document "$(kon iam-policy)"',
    },
    { does: 'Before there is a cluster to ask', command: 'kon iam-policy -f clusterconfig.yaml' },
    {
      does: 'With a boundary that the ClusterConfig is about to get',
      command: 'kon iam-policy --boundary arn:aws:iam::123456789012:policy/apps',
    },
  ],
  run: async (context, { options }) => {
    const { iamPolicyFlow } = await import('./handler.ts');
    return iamPolicyFlow(context, options);
  },
});
