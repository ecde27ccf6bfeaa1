import { defineCommand } from '../command.ts';
import { CliError, usageError } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { filenameOption } from './options.ts';

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
    "Prints what the operator may do in the AWS account: its calls and no others, on roles of this cluster only, bounded by the path, boundary and allowed policies of the ClusterConfig. Give it to the operator's own role, and print it again after these have changed. Asks AWS nothing.",
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
      name: 'adopt',
      summary:
        "let the operator take over roles outside the path, each once it has the tag k11n.dev/cluster with the cluster's ARN",
    },
  ],
  formats: ['json', 'yaml'],
  examples: [
    {
      does: "Set it on the operator's role",
      command:
        'aws iam put-role-policy --role-name konstellation --policy-name operator --policy-document "$(kon iam-policy)"',
    },
    { does: 'Before there is a cluster to ask', command: 'kon iam-policy -f clusterconfig.yaml' },
  ],
  run: async (context, { options }) => {
    const { clusterConfigSpec } = await import('../../api/index.ts');
    const { effectiveConfig, largestInlinePolicy, operatorPolicy, operatorPolicyOptions } =
      await import('../../identity/index.ts');
    const { listObjects } = await import('../cluster/objects.ts');
    const { clusterConfigKind: kind } = await import('../kinds.ts');
    const { asYaml } = await import('../output/objects.ts');
    const { readManifest } = await import('../write/source.ts');

    const { filename, accountId, adopt } = options;
    const manifest =
      filename === undefined ? undefined : await readManifest(context, filename, { kind, name: undefined });
    const config = manifest
      ? { metadata: manifest.metadata, spec: clusterConfigSpec.parse(manifest.spec) }
      : effectiveConfig(await listObjects(await context.connect(), kind));
    if (!config)
      throw new CliError('NOT_FOUND', 'the cluster has no ClusterConfig, from which the policy follows', {
        next: ['Create one, or name a file that has it: kon iam-policy -f clusterconfig.yaml'],
      });
    const given = operatorPolicyOptions(config, { accountId, adoption: adopt });
    if (!given)
      throw usageError(
        'the ClusterConfig does not say which AWS account it is for',
        'Set spec.aws.accountId in it, or give --account-id ID.',
      );
    const policy = operatorPolicy(given);
    const json = JSON.stringify(policy, null, 2);
    const size = json.replaceAll(/\s/g, '').length;
    if (size > largestInlinePolicy)
      context.stderr.write(
        `Warning: the policy has ${size} characters, and IAM takes ${largestInlinePolicy}: shorten allowedPolicyArns to fewer, wider patterns.\n`,
      );
    context.stdout.write(context.format === 'yaml' ? asYaml(policy) : `${json}\n`);
    return exitCodes.ok;
  },
});
