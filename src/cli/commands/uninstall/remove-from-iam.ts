/** Deletes the AWS resources of an installation: the association, the role, and the OIDC provider unless other roles need it. */
import type { InstallationStore } from '../../../aws/installation.ts';
import {
  oidcProviderArn,
  tagValue,
  trustsProvider,
  type AssociationStore,
  type RoleStore,
} from '../../../identity/index.ts';
import { unlessDenied } from '../../framework/denied.ts';
import type { CliContext } from '../../framework/context.ts';
import type { DiscoveredCluster } from '../../installation/discover.ts';
import { operatorName } from '../../installation/operator-objects.ts';
import { installedTag, operatorPolicyName, operatorRole } from '../../installation/operator-role.ts';

type Scope = { readonly namespace: string; readonly dryRun: boolean };

export async function removeAssociation(
  { signal, stderr }: CliContext,
  cluster: DiscoveredCluster,
  { namespace, dryRun }: Scope,
  associations: AssociationStore,
): Promise<readonly string[]> {
  const found = await associations.read({ namespace, serviceAccount: operatorName }, signal);
  if (!found) return [];
  const object = `Pod Identity association ${namespace}/${operatorName}`;
  if (tagValue(found.details?.tags ?? {}, installedTag) !== cluster.clusterArn)
    return [`${object}, which kon install did not create`];
  if (!dryRun) await associations.delete(found.id, signal);
  stderr.write(`- ${object}\n`);
  return [];
}

export async function removeFromIam(
  context: CliContext,
  cluster: DiscoveredCluster,
  { namespace, dryRun }: Scope,
  roles: RoleStore,
  installation: InstallationStore,
  /** Names of the roles that are deleted with their accounts. */
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
  } else if (role) kept.push(`IAM role ${name}, which kon install did not create`);
  const arn = oidcProviderArn(cluster);
  const provider = await installation.provider(arn, signal);
  if (!provider) return kept;
  if (tagValue(provider.tags, installedTag) !== cluster.clusterArn)
    return [...kept, `IAM OIDC provider ${arn}, which kon install did not create`];
  const needed = await whoNeedsProvider(arn, roles, { leaving: gone, dryRun }, signal);
  if (needed !== undefined) return [...kept, `IAM OIDC provider ${arn}, ${needed}`];
  if (!dryRun) await installation.deleteProvider(arn, signal);
  stderr.write(`- IAM OIDC provider ${arn}\n`);
  return kept;
}

/** Maximum number of roles shown by name; the others are only counted. */
const rolesShown = 10;

/**
 * Looks for roles that trust the OIDC provider, such as retained roles of accounts, and roles of other controllers and
 * tools.
 *
 * @param leaving names of roles that this uninstallation deletes. A listing may show them for a while after their
 * deletion.
 * @returns a reason to keep the provider; undefined if no role trusts the provider
 */
async function whoNeedsProvider(
  arn: string,
  roles: RoleStore,
  { leaving, dryRun }: { readonly leaving: readonly string[]; readonly dryRun: boolean },
  signal: AbortSignal,
): Promise<string | undefined> {
  const found = await unlessDenied(roles.snapshot(signal));
  if (!found)
    return 'because you are not permitted to list the roles that trust the provider (iam:GetAccountAuthorizationDetails)';
  const names: string[] = [];
  for (const { name, trustPolicy } of found.roles) {
    if (!trustsProvider(trustPolicy, arn)) continue;
    if (leaving.includes(name) && (dryRun || !(await roles.read(name, signal)))) continue;
    names.push(name);
  }
  names.sort();
  if (names.length === 0) return undefined;
  const more = names.length > rolesShown ? ` and ${names.length - rolesShown} more` : '';
  const what = names.length === 1 ? 'the role' : `${names.length} roles`;
  return `which ${what} ${names.slice(0, rolesShown).join(', ')}${more} ${names.length === 1 ? 'trusts' : 'trust'}; to delete the provider when no role trusts it any more: aws iam delete-open-id-connect-provider --open-id-connect-provider-arn ${arn}`;
}
