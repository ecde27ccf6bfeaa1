/** `kon iam-policy`: prints the operator's IAM policy for a ClusterConfig from a file or from the cluster. */
import { clusterConfigSpec } from '../../../api/index.ts';
import { effectiveConfig, largestInlinePolicy, operatorPolicyOptions } from '../../../identity/index.ts';
import { checkBoundaryArn, checkFence, fencedPolicy, tagKeysWarning } from '../../installation/fence.ts';
import { listObjects } from '../../cluster/objects.ts';
import { accountKind, clusterConfigKind as kind } from '../../cluster/kinds.ts';
import { renderValue } from '../../framework/output/data.ts';
import { readManifest } from '../../manifest/source.ts';
import type { CliContext } from '../../framework/context.ts';
import { CliError, usageError } from '../../framework/errors.ts';

type Request = {
  readonly filename: string | undefined;
  readonly accountId: string | undefined;
  readonly boundary: string | undefined;
  readonly allowPolicy: readonly string[];
  readonly allowStatements: boolean;
  readonly unbounded: boolean;
  readonly adopt: boolean;
};

export async function iamPolicyFlow(context: CliContext, options: Request): Promise<void> {
  const { filename, accountId, adopt, boundary, allowPolicy } = options;
  checkBoundaryArn('--boundary', boundary);
  const manifest =
    filename === undefined ? undefined : await readManifest(context, filename, { kind, name: undefined });
  const config = manifest
    ? { metadata: manifest.metadata, spec: clusterConfigSpec.parse(manifest.spec) }
    : effectiveConfig(await listObjects(await context.connect(), kind));
  if (!config)
    throw new CliError('NOT_FOUND', 'the cluster has no ClusterConfig to derive the policy from', {
      next: ['Create a ClusterConfig, or pass a file: kon iam-policy -f clusterconfig.yaml'],
    });
  const configured = operatorPolicyOptions(config, { accountId, adoption: adopt });
  if (!configured)
    throw usageError(
      'the ClusterConfig names no AWS account',
      'Set spec.aws.accountId, or pass --account-id ID.',
    );
  const given = {
    ...configured,
    ...(boundary === undefined ? {} : { permissionsBoundaryArns: [boundary] }),
    ...(allowPolicy.length > 0 ? { allowedPolicyArns: allowPolicy } : {}),
    ...(options.allowStatements ? { statements: true } : {}),
  };
  const accounts = filename === undefined ? await listObjects(await context.connect(), accountKind) : [];
  for (const warning of [
    checkFence(given, options.unbounded),
    // Warns if the option --boundary differs from the ClusterConfig. The operator creates roles with the boundary of
    // the ClusterConfig, but the printed policy permits only the boundary of the option.
    boundary === undefined || config.spec.aws.permissionsBoundaryArn === boundary
      ? undefined
      : `Warning: AWS will deny the creation of roles until spec.aws.permissionsBoundaryArn of the ClusterConfig is ${boundary}\n`,
    tagKeysWarning(accounts, given),
  ])
    if (warning !== undefined) context.stderr.write(warning);
  const policy = fencedPolicy(given);
  const size = JSON.stringify(policy).replaceAll(/\s/g, '').length;
  if (size > largestInlinePolicy)
    context.stderr.write(
      `Warning: the policy has ${size} characters, but IAM allows ${largestInlinePolicy}: reduce allowedPolicyArns to fewer, wider patterns.\n`,
    );
  context.stdout.write(renderValue(policy, context.format));
}
