/** `kon uninstall`: takes away what an installation made, last made first, and says what stays. */
import { connectInstallation, type InstallationStore } from '../../aws/installation.ts';
import { allowDeletionAnnotation, managedByLabel } from '../../api/labels.ts';
import type { ObservedRole, RoleStore } from '../../identity/index.ts';
import {
  effectiveConfig,
  IdentityError,
  leftoverRoles,
  oidcProviderArn,
  roleNameOf,
  tagValue,
  trustsProvider,
} from '../../identity/index.ts';
import { isNotFound, resources, type KubeClient, type KubeObject } from '../../kube/index.ts';
import { withAws, type Aws } from '../aws/session.ts';
import { listObjects } from '../cluster/objects.ts';
import { confirmed, requireConfirmation } from '../confirm.ts';
import type { CliContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { accountKind, appKind, clusterConfigKind } from '../kinds.ts';
import { waitUntilAllGone, type Deleted } from '../wait/all-gone.ts';
import { waitUntilGone } from '../wait/deletion.ts';
import { resultLine, type WaitInput } from '../write/finish.ts';
import { version } from '../version.ts';
import {
  discoverCluster,
  hintsOf,
  requireConfigOf,
  type ClusterChoice,
  type DiscoveredCluster,
} from './discover.ts';
import {
  admissionPolicyObjects,
  crdObjects,
  installer,
  operatorName,
  operatorObjects,
} from './operator-objects.ts';
import { installedTag, operatorPolicyName, operatorRole } from './operator-role.ts';
import { describeObject, fieldManager, orMissing, resourceOf } from './steps.ts';

export type UninstallRequest = ClusterChoice & {
  readonly namespace: string;
  /** With them, accounts and their roles go too. */
  readonly deleteAccounts: boolean;
  /** Says what would go and what would stay. */
  readonly dryRun: boolean;
  readonly yes: boolean;
  /** Not waiting is about what is left at the end: accounts are waited for in any case, as the operator is needed for them. */
  readonly wait: WaitInput;
};

export async function uninstallFlow(context: CliContext, request: UninstallRequest): Promise<ExitCode> {
  const { stderr, signal } = context;
  const { dryRun } = request;
  const what = 'uninstalling Konstellation';
  const yes = request.yes || dryRun;
  requireConfirmation(context, { yes, what });
  const client = await context.connect();
  const config = effectiveConfig((await orMissing(listObjects(client, clusterConfigKind))) ?? []);
  const { hints, issuer } = await hintsOf(context, client);
  const region =
    request.region ??
    config?.spec.aws.region ??
    hints.region ??
    (context.env['AWS_REGION'] || context.env['AWS_DEFAULT_REGION']);
  if (!region)
    throw new CliError('USAGE', 'nothing tells the AWS region', { next: ['Give it: --region REGION'] });
  const accounts = (await orMissing(listObjects(client, accountKind))) ?? [];
  const apps = (await orMissing(listObjects(client, appKind))) ?? [];
  if (apps.length > 0)
    throw new CliError('CONFLICT', `there are ${apps.length} apps: ${namesOf(apps)}`, {
      details: ['With the CRDs they would go, and their pods with them.'],
      next: [
        'Delete them: kon app delete NAME',
        'Or keep what they made: kubectl delete apps.k11n.dev NAME --cascade=orphan',
      ],
    });
  if (accounts.length > 0 && !request.deleteAccounts)
    throw new CliError('CONFLICT', `there are ${accounts.length} accounts: ${namesOf(accounts)}`, {
      details: ['Without the operator nobody would delete their roles.'],
      next: ['Delete them and their roles: kon uninstall --delete-accounts'],
    });
  return withAws(context, region, async (aws) => {
    const installation = connectInstallation({ region, userAgent: `kon/${version}` });
    try {
      const caller = await aws.account.callerIdentity(signal);
      const name = config?.spec.aws.clusterName ?? config?.metadata.name;
      const choice = { ...request, clusterName: request.clusterName ?? name };
      const cluster = await discoverCluster({ choice, hints, issuer, region, caller, signal }, installation);
      requireConfigOf(config, cluster);
      const question = `Remove Konstellation from ${cluster.clusterArn}${accounts.length > 0 ? `, and the accounts ${namesOf(accounts)} with their roles` : ''}?`;
      if (!(await confirmed(context, { yes, what, question }))) {
        stderr.write('Nothing was changed.\n');
        return exitCodes.error;
      }
      for (const { metadata } of accounts) {
        await client.delete(accountKind.resource, { name: metadata.name }, { dryRun });
        if (!dryRun)
          await waitUntilGone(
            context,
            client,
            accountKind,
            { name: metadata.name, uid: metadata.uid },
            request.wait.timeout,
          );
        stderr.write(`- account ${metadata.name}\n`);
      }
      const { kept, deleted } = await removeObjects(context, client, request);
      if (cluster.eks) kept.push(...(await removeAssociation(context, cluster, request, aws)));
      const leaving = accounts.flatMap(({ spec, status }) =>
        spec.deletionPolicy === 'Retain' || spec.aws.adopt === true || status?.roleArn === undefined
          ? []
          : roleNameOf(status.roleArn),
      );
      kept.push(...(await removeFromIam(context, cluster, request, aws.roles, installation, leaving)));
      for (const text of kept) stderr.write(`‼ stays: ${text}\n`);
      if (!dryRun && !request.wait.noWait)
        await waitUntilAllGone(context, client, deleted, request.wait.timeout);
      context.stdout.write(resultLine('konstellation', 'uninstalled', dryRun));
      if (dryRun) return exitCodes.ok;
      const roles = await listedRoles(aws.roles, signal);
      if (!roles) {
        stderr.write(
          `‼ you may not list roles (iam:GetAccountAuthorizationDetails), so it is unknown whether any is left: kon account orphans --cluster-arn ${cluster.clusterArn}\n`,
        );
        return exitCodes.ok;
      }
      const leftovers = leftoverRoles(roles, cluster, new Set());
      const orphans = leftovers.filter(({ kind }) => kind === 'orphan');
      for (const { kind, name, account } of leftovers)
        if (kind === 'retained')
          stderr.write(`‼ stays: IAM role ${name}, retained by the account ${account}\n`);
      if (orphans.length === 0) return exitCodes.ok;
      throw new CliError('NOT_DELETED', `${orphans.length} roles of the cluster are left in IAM`, {
        details: orphans.map((orphan) => `${orphan.name}, of the account ${orphan.account}`),
        next: [`kon account orphans --delete --cluster-arn ${cluster.clusterArn}`],
      });
    } finally {
      installation.close();
    }
  });
}

/** Undefined where they may not be listed. */
async function listedRoles(
  roles: RoleStore,
  signal: AbortSignal,
): Promise<readonly ObservedRole[] | undefined> {
  try {
    return (await roles.snapshot(signal)).roles;
  } catch (error) {
    if (error instanceof IdentityError && error.code === 'AccessDenied') return undefined;
    throw error;
  }
}

const namesOf = (objects: readonly { readonly metadata: { readonly name: string } }[]): string =>
  objects.map(({ metadata }) => metadata.name).join(', ');

/**
 * Deletes the operator first, so that it recreates nothing, then the CRDs with the ClusterConfig. The admission policies go
 * last, so that no account is written without them.
 *
 * @returns what was not ours to take away, and what was taken away
 */
async function removeObjects(
  context: CliContext,
  client: KubeClient,
  { namespace, dryRun }: UninstallRequest,
): Promise<{ readonly kept: string[]; readonly deleted: readonly Deleted[] }> {
  const { signal, stderr } = context;
  const kept: string[] = [];
  const deleted: Deleted[] = [];
  const objects = operatorObjects({
    namespace,
    image: '',
    replicas: 1,
    roleArn: undefined,
    region: '',
    deployment: true,
  });
  const policies = admissionPolicyObjects(namespace).toReversed();
  for (const object of [...objects.toReversed(), ...crdObjects(), ...policies]) {
    const { name, namespace: of } = object.metadata;
    const ref = { name, ...(of === undefined ? {} : { namespace: of }) };
    const live = await orMissing(client.get<KubeObject>(resourceOf(object), ref, { signal }));
    if (!live) continue;
    if (live.metadata.labels?.[managedByLabel] !== installer) {
      kept.push(`${describeObject(object)}, which kon install did not make`);
      continue;
    }
    const isCrd = object.kind === 'CustomResourceDefinition';
    if (isCrd) await allowDeletion(client, name, { signal, dryRun });
    try {
      // The consent of a dry run is not stored, so that the deletion would be refused.
      if (!(isCrd && dryRun)) await client.delete(resourceOf(object), ref, { signal, dryRun });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    const label = describeObject(object);
    stderr.write(`- ${label}\n`);
    deleted.push({ resource: resourceOf(object), object: live, label });
  }
  return { kept, deleted };
}

/** Consents to the deletion of a CRD, which admission refuses otherwise. */
async function allowDeletion(
  client: KubeClient,
  name: string,
  options: { readonly signal: AbortSignal; readonly dryRun: boolean },
): Promise<void> {
  await client.patch(
    resources.customResourceDefinitions,
    { name },
    { metadata: { annotations: { [allowDeletionAnnotation]: 'true' } } },
    { type: 'merge', fieldManager, ...options },
  );
}

async function removeAssociation(
  { signal, stderr }: CliContext,
  cluster: DiscoveredCluster,
  { namespace, dryRun }: UninstallRequest,
  { podIdentity }: Aws,
): Promise<readonly string[]> {
  const { associations } = podIdentity(cluster.name);
  const found = await associations.read({ namespace, serviceAccount: operatorName }, signal);
  if (!found) return [];
  const object = `Pod Identity association ${namespace}/${operatorName}`;
  if (tagValue(found.details?.tags ?? {}, installedTag) !== cluster.clusterArn)
    return [`${object}, which kon install did not make`];
  if (!dryRun) await associations.delete(found.id, signal);
  stderr.write(`- ${object}\n`);
  return [];
}

async function removeFromIam(
  context: CliContext,
  cluster: DiscoveredCluster,
  { namespace, dryRun }: UninstallRequest,
  roles: RoleStore,
  installation: InstallationStore,
  /** Names of roles that go, or have gone, with their accounts. */
  leaving: readonly string[],
): Promise<readonly string[]> {
  const { signal, stderr } = context;
  const kept: string[] = [];
  const { name } = operatorRole(cluster, { namespace, serviceAccount: operatorName });
  const gone = [...leaving];
  const role = await roles.read(name, signal);
  if (role && tagValue(role.tags, installedTag) === cluster.clusterArn) {
    if (!dryRun && role.inlinePolicyNames.includes(operatorPolicyName))
      await roles.deleteInlinePolicy(name, operatorPolicyName, signal);
    if (!dryRun) await roles.delete(name, signal);
    gone.push(name);
    stderr.write(`- IAM role ${name}\n`);
  } else if (role) kept.push(`IAM role ${name}, which kon install did not make`);
  const arn = oidcProviderArn(cluster);
  const provider = await installation.provider(arn, signal);
  if (!provider) return kept;
  if (tagValue(provider.tags, installedTag) !== cluster.clusterArn)
    return [...kept, `IAM OIDC provider ${arn}, which kon install did not make`];
  const needed = await whoNeedsProvider(arn, roles, { leaving: gone, dryRun }, signal);
  if (needed !== undefined) return [...kept, `IAM OIDC provider ${arn}, ${needed}`];
  if (!dryRun) await installation.deleteProvider(arn, signal);
  stderr.write(`- IAM OIDC provider ${arn}\n`);
  return kept;
}

/** Names of roles that are shown; the rest is counted. */
const rolesShown = 10;

/**
 * Finds the roles whose pods would lose AWS with the provider: of controllers, of other tools, of accounts that retain theirs.
 *
 * @param leaving names of roles that go with this uninstallation. A listing may show them for a while after their deletion.
 * @returns a reason to keep the provider
 */
async function whoNeedsProvider(
  arn: string,
  roles: RoleStore,
  { leaving, dryRun }: { readonly leaving: readonly string[]; readonly dryRun: boolean },
  signal: AbortSignal,
): Promise<string | undefined> {
  const found = await listedRoles(roles, signal);
  if (!found) return 'as you may not list the roles that trust it (iam:GetAccountAuthorizationDetails)';
  const names: string[] = [];
  for (const { name, trustPolicy } of found) {
    if (!trustsProvider(trustPolicy, arn)) continue;
    if (leaving.includes(name) && (dryRun || !(await roles.read(name, signal)))) continue;
    names.push(name);
  }
  names.sort();
  if (names.length === 0) return undefined;
  const more = names.length > rolesShown ? ` and ${names.length - rolesShown} more` : '';
  const what = names.length === 1 ? 'the role' : `${names.length} roles`;
  return `which ${what} ${names.slice(0, rolesShown).join(', ')}${more} ${names.length === 1 ? 'trusts' : 'trust'}: aws iam delete-open-id-connect-provider --open-id-connect-provider-arn ${arn} deletes it once none does`;
}
