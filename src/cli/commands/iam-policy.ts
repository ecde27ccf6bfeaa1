import { defineCommand } from '../framework/command.ts';
import { CliError, usageError } from '../framework/errors.ts';
import { filenameOption } from '../framework/options.ts';

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
    const { clusterConfigSpec } = await import('../../api/index.ts');
    const { effectiveConfig, largestInlinePolicy, operatorPolicyOptions } =
      await import('../../identity/index.ts');
    const { checkBoundaryArn, checkFence, fencedPolicy, tagKeysWarning } =
      await import('../installation/fence.ts');
    const { listObjects } = await import('../cluster/objects.ts');
    const { accountKind, clusterConfigKind: kind } = await import('../cluster/kinds.ts');
    const { renderValue } = await import('../framework/output/data.ts');
    const { readManifest } = await import('../manifest/source.ts');

    const { filename, accountId, adopt, boundary, allowPolicy } = options;
    checkBoundaryArn('--boundary', boundary);
    const manifest =
      filename === undefined ? undefined : await readManifest(context, filename, { kind, name: undefined });
    const config = manifest
      ? { metadata: manifest.metadata, spec: clusterConfigSpec.parse(manifest.spec) }
      : effectiveConfig(await listObjects(await context.connect(), kind));
    if (!config)
      throw new CliError('NOT_FOUND', 'the cluster has no ClusterConfig, from which the policy follows', {
        next: ['Create one, or name a file that has it: kon iam-policy -f clusterconfig.yaml'],
      });
    const configured = operatorPolicyOptions(config, { accountId, adoption: adopt });
    if (!configured)
      throw usageError(
        'the ClusterConfig does not say which AWS account it is for',
        'Set spec.aws.accountId in it, or give --account-id ID.',
      );
    const given = {
      ...configured,
      ...(boundary === undefined ? {} : { permissionsBoundaryArns: [boundary] }),
      ...(allowPolicy.length > 0 ? { allowedPolicyArns: allowPolicy } : {}),
    };
    const accounts = filename === undefined ? await listObjects(await context.connect(), accountKind) : [];
    for (const warning of [
      checkFence(given, options.unbounded),
      // The operator creates roles with the boundary of the ClusterConfig, and IAM denies any other.
      boundary === undefined || config.spec.aws.permissionsBoundaryArn === boundary
        ? undefined
        : `Warning: AWS will deny new roles until the ClusterConfig has the same boundary: spec.aws.permissionsBoundaryArn\n`,
      tagKeysWarning(accounts, given),
    ])
      if (warning !== undefined) context.stderr.write(warning);
    const policy = fencedPolicy(given);
    const size = JSON.stringify(policy).replaceAll(/\s/g, '').length;
    if (size > largestInlinePolicy)
      context.stderr.write(
        `Warning: the policy has ${size} characters, and IAM takes ${largestInlinePolicy}: shorten allowedPolicyArns to fewer, wider patterns.\n`,
      );
    context.stdout.write(renderValue(policy, context.format));
  },
});
