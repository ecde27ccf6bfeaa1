import { defineCommand } from '../../framework/command.ts';
import { usageError } from '../../framework/errors.ts';
import { filenameOption } from '../../framework/options.ts';

/** @throws CliError of code USAGE */
function parseAccountId(text: string): string {
  if (!/^[0-9]{12}$/.test(text))
    throw usageError(`"${text}" is not the ID of an AWS account`, 'Pass its twelve digits.');
  return text;
}

export const iamPolicyCommand = defineCommand({
  description:
    "Prints the least-privilege policy for the operator's own role: exactly the calls that it makes, on roles of this cluster only, limited by rolePath, permissionsBoundaryArn, allowedPolicyArns, tags and allowedTagKeys of the ClusterConfig. Print the policy again after a change of these fields. Needs a boundary or allowed policies, in the ClusterConfig or as options; without them the operator's credentials control the AWS account, which --unbounded accepts. Does not call AWS.",
  options: {
    filename: {
      ...filenameOption.filename,
      summary: 'read the ClusterConfig from a file, or from stdin with -, instead of the cluster',
    },
    'account-id': {
      value: 'ID',
      parse: parseAccountId,
      summary: 'id of the AWS account, if the ClusterConfig does not contain it',
    },
    boundary: {
      value: 'ARN',
      summary: "managed policy that is the permissions boundary of every role (default: the ClusterConfig's)",
      complete: 'policies',
    },
    'allow-policy': {
      value: 'PATTERN',
      repeatable: true,
      summary:
        "ARN pattern (* and ?) of policies that may be attached (default: the ClusterConfig's); repeat for more",
    },
    'allow-statements': {
      summary:
        'allow the operator to write inline policies, but only on roles that have the boundary (default: allowStatements of the ClusterConfig)',
    },
    unbounded: {
      summary:
        'accept an operator that is limited neither by a boundary nor by a list of policies: its AWS credentials can create a role with AdministratorAccess',
    },
    adopt: {
      summary:
        "allow the operator to adopt roles outside the path, each once it has the tag k11n.dev/cluster with the cluster's ARN",
    },
  },
  returns: 'policy',
  examples: {
    "Set it on the operator's role":
      'aws iam put-role-policy --role-name konstellation --policy-name operator --policy-document "$(kon iam-policy)"',
    'Print the policy before the cluster exists': 'kon iam-policy -f clusterconfig.yaml',
    'Print the operator’s policy for a boundary that the ClusterConfig does not name yet':
      'kon iam-policy --boundary arn:aws:iam::123456789012:policy/apps',
  },
  run: async (context, { options }) => (await import('./handler.ts')).iamPolicyFlow(context, options),
});
