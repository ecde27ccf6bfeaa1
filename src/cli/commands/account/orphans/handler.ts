/** `kon account orphans`: lists and deletes roles whose account was deleted. Works without the operator and without Konstellation on the cluster. */
import {
  hasStatements,
  hasPodDenial,
  inlinePolicyName,
  podDenialName,
  leftoverRoles,
  ownershipTagKeys,
  rolesOfOtherIssuers,
  IdentityError,
  type AssociationStore,
  type LeftoverRole,
  type ObservedAssociation,
  type RoleStore,
} from '../../../../identity/index.ts';
import { requireAccount, withAws } from '../../../aws/session.ts';
import { confirm } from '../../../framework/confirm.ts';
import type { CliContext } from '../../../framework/context.ts';
import { CliError } from '../../../framework/errors.ts';
import { gatherUse, usersOf, type ClusterUse } from '../../../roles/observe-users.ts';
import type { RoleUse } from '../../../roles/excluded-users.ts';
import { writeList } from '../../../framework/output/answer.ts';
import type { Column } from '../../../framework/output/table.ts';
import { isOfIssuer, taggedOwner } from '../../../../identity/desired/ownership.ts';
import { accountNames, clusterOfRoles, type ClusterChoice, type ClusterOfRoles } from './owning-cluster.ts';
import { errorMessage } from '../../../../k8s/errors.ts';

export type OrphansRequest = ClusterChoice & {
  readonly delete: boolean;
  /** Whether to also delete roles that `deletionPolicy: Retain` kept. */
  readonly retained: boolean;
  readonly yes: boolean;
};

export async function orphansFlow(context: CliContext, request: OrphansRequest): Promise<void> {
  const { stderr, signal } = context;
  const cluster = await clusterOfRoles(context, request, request.delete);
  const { client } = cluster;
  return withAws(context, cluster.region, async (aws) => {
    await requireAccount(context, aws, { accountId: cluster.accountId, name: cluster.clusterArn });
    // Roles are read before accounts: otherwise the role of an account created in between would look like an orphan.
    const { roles } = await aws.roles.snapshot(signal);
    const accounts = client ? await accountNames(client, signal) : new Set<string>();
    const orphans = leftoverRoles(roles, cluster, accounts);
    const others = rolesOfOtherIssuers(roles, cluster);
    const data = {
      kind: 'OrphanList',
      value: { clusterArn: cluster.clusterArn, items: orphans },
      name: (orphan: LeftoverRole): string => orphan.name,
    };
    await writeList(context, { rows: orphans, columns, data, empty: '' });
    if (orphans.length === 0) stderr.write(`Every role of ${cluster.clusterArn} has an account.\n`);
    if (!client && !request.clusterGone)
      stderr.write(
        `The kubeconfig does not point to the cluster with issuer ${cluster.issuer}. The accounts of that cluster are unknown, and may use these roles.\n`,
      );
    if (others.length > 0)
      stderr.write(
        `Skipped: ${others.length === 1 ? '1 role' : `${others.length} roles`} with another token issuer, which may belong to another cluster of the same name: ${others.join(', ')}. If that cluster was deleted: kon account orphans --cluster-gone --cluster-arn ${cluster.clusterArn} --issuer https://ISSUER\n`,
      );
    if (!request.delete) return;
    const doomed = orphans.filter(({ kind }) => kind === 'orphan' || request.retained);
    const spared = orphans.length - doomed.length;
    if (spared > 0)
      stderr.write(
        `${spared} retained ${spared === 1 ? 'role is' : 'roles are'} not deleted: ${spared === 1 ? 'its account' : 'their accounts'} had deletionPolicy Retain. To delete ${spared === 1 ? 'it' : 'them'} too: --retained\n`,
      );
    if (doomed.length === 0) return;
    await confirm(context, {
      yes: request.yes,
      what: `deleting ${doomed.length} roles`,
      question: questionOf(doomed, orphans.length),
      declined: 'Nothing was deleted.',
    });
    const { associations } = aws.podIdentity(cluster.name);
    const use = client && (await gatherUse({ client, associations, signal }));
    return removeAll(context, { cluster, use, roles: aws.roles, associations }, doomed);
  });
}

type Removal = {
  readonly cluster: ClusterOfRoles;
  /** Use of roles by running pods; undefined if the cluster was deleted. */
  readonly use: ClusterUse | undefined;
  readonly roles: RoleStore;
  readonly associations: AssociationStore;
};

async function removeAll(
  context: CliContext,
  removal: Removal,
  orphans: readonly LeftoverRole[],
): Promise<void> {
  const { use } = removal;
  if (use && use.unseen.length > 0)
    throw new CliError('NOT_DELETED', 'cannot determine whether running pods hold the roles', {
      details: use.unseen,
      next: ['Run the command as a user who may list pods and ServiceAccounts in all namespaces.'],
    });
  const failures: string[] = [];
  for (const orphan of orphans) {
    try {
      context.stderr.write(`${orphan.name}: ${await remove(removal, orphan, context.signal)}\n`);
    } catch (error) {
      if (context.signal.aborted) throw error;
      failures.push(`${orphan.name}: ${errorMessage(error)}`);
    }
  }
  if (failures.length === 0) return;
  throw new CliError('NOT_DELETED', `${failures.length} of ${orphans.length} roles were not deleted`, {
    details: failures,
    next: ['Solve the reported problems, then: kon account orphans --delete'],
  });
}

function questionOf(doomed: readonly LeftoverRole[], listed: number): string {
  const which =
    doomed.length < listed
      ? doomed.map(({ name }) => name).join(', ')
      : doomed.length === 1
        ? 'this role'
        : `these ${doomed.length} roles`;
  return `Roles that running pods hold are not deleted. A deleted role cannot be restored, and its sessions end immediately. Adopted roles only lose their ownership tags.\nDelete ${which}?`;
}

/**
 * Reads a role again, and deletes the role unless its state has changed. From an adopted role, removes only the
 * ownership tags. @returns the result, to be printed after the role name
 */
async function remove(removal: Removal, orphan: LeftoverRole, signal: AbortSignal): Promise<string> {
  const { cluster, use, roles } = removal;
  const { client } = cluster;
  // Reads the role again: the listing may be outdated, and the account may have been recreated while the prompt was
  // open.
  const role = await roles.read(orphan.name, signal);
  if (!role) return 'was already deleted';
  const [current] = leftoverRoles([role], cluster, new Set());
  if (!current || current.account !== orphan.account || current.kind !== orphan.kind)
    return 'not deleted: the role does not belong to this cluster any more, or has an account again';
  // A retained role does not belong to a new account of the same name until that account adopts the role.
  if (client && current.kind === 'orphan' && (await accountNames(client, signal)).has(orphan.account))
    return `not deleted: its account ${orphan.account} exists again`;
  if (use) requireUnused(await usersOf(role, use));
  const removed = current.kind === 'orphan' ? await removeAssociationsOf(current, removal, signal) : 0;
  const besides =
    removed > 0 ? `, with ${removed === 1 ? 'its association' : `${removed} associations`}` : '';
  if (current.adopted) {
    await roles.untag(role.name, [...ownershipTagKeys], signal);
    return `the role was adopted, so it is kept; its ownership tags were removed${besides}`;
  }
  for (const arn of role.attachedPolicyArns) await roles.detachPolicy(role.name, arn, signal);
  if (hasStatements(role)) await roles.deleteInlinePolicy(role.name, inlinePolicyName, signal);
  if (hasPodDenial(role)) await roles.deleteInlinePolicy(role.name, podDenialName, signal);
  await roles.delete(role.name, signal);
  return `deleted${besides}`;
}

/**
 * Deletes the associations of a role before the role, so that EKS does not refer to a deleted role.
 * @returns the number of deleted associations; 0 on a cluster outside EKS, or without permission to list associations
 */
async function removeAssociationsOf(
  { account, arn }: LeftoverRole,
  { cluster, associations: store }: Removal,
  signal: AbortSignal,
): Promise<number> {
  let removed = 0;
  for (const listed of await listedOrNone(store, signal)) {
    if (listed.serviceAccount !== account) continue;
    const found = await store.read(listed, signal, listed.id);
    const marks = found?.details && taggedOwner(found.details.tags);
    if (!found?.details || marks?.clusterArn !== cluster.clusterArn || marks.account !== account) continue;
    // Associations that an earlier version created have no issuer tag, so their role is compared instead.
    if (!isOfIssuer(found.details, cluster) && found.details.roleArn !== arn) continue;
    await store.delete(found.id, signal);
    removed += 1;
  }
  return removed;
}

async function listedOrNone(
  store: AssociationStore,
  signal: AbortSignal,
): Promise<readonly ObservedAssociation[]> {
  try {
    return (await store.list(signal)).associations;
  } catch (error) {
    if (error instanceof IdentityError && ['ClusterUnknown', 'AccessDenied'].includes(error.code)) return [];
    throw error;
  }
}

/** @throws Error if running pods use or may use the role */
function requireUnused({ users, unseen }: RoleUse): void {
  const holders = users.flatMap(({ namespace, pods }) => pods.map((pod) => `${namespace}/${pod}`));
  if (holders.length > 0) throw new Error(`running pods hold the role: ${holders.join(', ')}`);
  if (unseen.length > 0) throw new Error(`running pods may hold the role: ${unseen.join(', ')}`);
}

function inBrief(principals: readonly string[]): string {
  const [first = 'no principal', ...others] = principals;
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}

const columns: readonly Column<LeftoverRole>[] = [
  { header: 'KIND', value: (orphan) => orphan.kind },
  { header: 'ROLE', value: (orphan) => orphan.name },
  { header: 'ACCOUNT', value: (orphan) => orphan.account },
  {
    header: 'POLICIES',
    value: (orphan) => orphan.attachedPolicyArns.join(','),
    short: (orphan) => String(orphan.attachedPolicyArns.length),
  },
  {
    header: 'TRUSTS',
    value: (orphan) => orphan.letsIn.join(','),
    short: (orphan) => inBrief(orphan.letsIn),
  },
  { header: 'INLINE', value: (orphan) => orphan.inlinePolicyNames.join(',') },
  { header: 'ADOPTED', value: (orphan) => (orphan.adopted ? 'yes' : 'no') },
  { header: 'ARN', value: (orphan) => orphan.arn, wide: true },
];
