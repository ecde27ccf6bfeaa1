/** `kon account orphans`: works with a cluster from which the operator, or all of Konstellation, has gone too. */
import {
  leftoverRoles,
  oidcProviderArn,
  ownershipTagKeys,
  partitionOf,
  rolesOfOtherIssuers,
  type AssociationStore,
  type LeftoverRole,
  type OwningCluster,
  type RoleStore,
} from '../../identity/index.ts';
import { effectiveConfig } from '../../identity/cluster.ts';
import { isNotFound, type KubeClient } from '../../kube/index.ts';
import { requireAccount, withAws } from '../aws/session.ts';
import { findObject, listObjects } from '../cluster/objects.ts';
import { confirmed } from '../confirm.ts';
import type { CliContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { accountKind, clusterConfigKind, type Kind, type KonObject } from '../kinds.ts';
import { renderDocument } from '../output/document.ts';
import { renderTable, type Column } from '../output/table.ts';
import { issuerOf } from '../install/discover.ts';
import { removeAssociationsOf } from './orphan-associations.ts';

export type OrphansRequest = {
  readonly delete: boolean;
  /** Also deletes roles that `deletionPolicy: Retain` kept on purpose. */
  readonly retained: boolean;
  readonly yes: boolean;
  /** For when no ClusterConfig tells it any more. */
  readonly clusterArn: string | undefined;
  /** For roles of a cluster that the connection does not lead to. */
  readonly issuer: string | undefined;
};

type Cluster = OwningCluster & { readonly accountId: string; readonly region: string };

export async function orphansFlow(context: CliContext, request: OrphansRequest): Promise<ExitCode> {
  const { format, stdout, stderr, signal } = context;
  const client = await context.connect();
  const cluster = await clusterOf(context, client, request);
  return withAws(context, cluster.region, async (aws) => {
    await requireAccount(context, aws, { accountId: cluster.accountId, name: cluster.clusterArn });
    // Roles first: an account that is made meanwhile has a role that is no orphan.
    const { roles } = await aws.roles.snapshot(signal);
    const accounts = new Set(
      (await listedOrNone(client, accountKind)).map((account) => account.metadata.name),
    );
    const orphans = leftoverRoles(roles, cluster, accounts);
    const others = rolesOfOtherIssuers(roles, cluster);
    const document = renderDocument('OrphanList', { clusterArn: cluster.clusterArn, items: orphans }, format);
    if (format === 'name') stdout.write(orphans.map((orphan) => `${orphan.name}\n`).join(''));
    else if (document !== undefined) stdout.write(document);
    else if (orphans.length > 0 || !stdout.isTTY)
      stdout.write(renderTable(columns, orphans, { output: stdout, wide: format === 'wide' }));
    if (orphans.length === 0) stderr.write(`No role of ${cluster.clusterArn} is without its account.\n`);
    if (others.length > 0)
      stderr.write(
        `Left alone: ${others.length === 1 ? '1 role' : `${others.length} roles`} of another token issuer, which another cluster of the same name may use: ${others.join(', ')}. If that cluster is gone: kon account orphans --cluster-arn ${cluster.clusterArn} --issuer https://ISSUER\n`,
      );
    if (!request.delete) return exitCodes.ok;
    const doomed = orphans.filter(({ kind }) => kind === 'orphan' || request.retained);
    const spared = orphans.length - doomed.length;
    if (spared > 0)
      stderr.write(
        `${spared} retained ${spared === 1 ? 'role is' : 'roles are'} not deleted: accounts kept ${spared === 1 ? 'it' : 'them'} on purpose. To delete ${spared === 1 ? 'it' : 'them'} too: --retained\n`,
      );
    if (doomed.length === 0) return exitCodes.ok;
    const sure = await confirmed(context, {
      yes: request.yes,
      what: `deleting ${doomed.length} roles`,
      question: questionOf(doomed, orphans.length),
    });
    if (!sure) {
      stderr.write('Nothing was deleted.\n');
      return exitCodes.error;
    }
    const [, clusterName = ''] = cluster.clusterArn.split('/');
    const stores = { roles: aws.roles, associations: aws.podIdentity(clusterName).associations };
    return removeAll(context, client, stores, cluster, doomed);
  });
}

type Stores = { readonly roles: RoleStore; readonly associations: AssociationStore };

async function removeAll(
  context: CliContext,
  client: KubeClient,
  stores: Stores,
  cluster: Cluster,
  orphans: readonly LeftoverRole[],
): Promise<ExitCode> {
  const failures: string[] = [];
  for (const orphan of orphans) {
    try {
      context.stderr.write(
        `${orphan.name}: ${await remove(client, stores, cluster, orphan, context.signal)}\n`,
      );
    } catch (error) {
      if (context.signal.aborted) throw error;
      failures.push(`${orphan.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (failures.length === 0) return exitCodes.ok;
  throw new CliError('NOT_DELETED', `${failures.length} of ${orphans.length} roles are still there`, {
    details: failures,
    next: ['Remove what the messages name, then: kon account orphans --delete'],
  });
}

function questionOf(doomed: readonly LeftoverRole[], listed: number): string {
  if (doomed.length < listed) return `Delete ${doomed.map(({ name }) => name).join(', ')}?`;
  return `Delete ${doomed.length === 1 ? 'this role' : `these ${doomed.length} roles`}?`;
}

/** @returns what was done, as an end of a sentence */
async function remove(
  client: KubeClient,
  { roles, associations }: Stores,
  cluster: Cluster,
  orphan: LeftoverRole,
  signal: AbortSignal,
): Promise<string> {
  // The listing may be old, and the account may have come back while a person was thinking.
  const role = await roles.read(orphan.name, signal);
  if (!role) return 'is gone already';
  const [current] = leftoverRoles([role], cluster, new Set());
  if (!current || current.account !== orphan.account || current.kind !== orphan.kind)
    return 'is no longer of this cluster, or has an account again; left alone';
  // A retained role has nothing to do with a new account of the same name until that account adopts it.
  if (current.kind === 'orphan' && (await accountExists(client, orphan.account)))
    return `has its account ${orphan.account} again; left alone`;
  const removed =
    current.kind === 'orphan' ? await removeAssociationsOf(current, cluster, associations, signal) : 0;
  const besides =
    removed > 0 ? `, with ${removed === 1 ? 'its association' : `${removed} associations`}` : '';
  if (current.adopted) {
    await roles.untag(role.name, [...ownershipTagKeys], signal);
    return `was there before Konstellation: lost its marks${besides}, and stays`;
  }
  for (const arn of role.attachedPolicyArns) await roles.detachPolicy(role.name, arn, signal);
  await roles.delete(role.name, signal);
  return `deleted${besides}`;
}

async function clusterOf(
  context: CliContext,
  client: KubeClient,
  { clusterArn: stated, issuer: statedIssuer }: OrphansRequest,
): Promise<Cluster> {
  const config = effectiveConfig(await listedOrNone(client, clusterConfigKind));
  const clusterArn = stated ?? config?.status?.clusterArn;
  const [, region, accountId] =
    /^arn:[^:]+:eks:([^:]+):([0-9]{12}):cluster\/.+$/.exec(clusterArn ?? '') ?? [];
  if (clusterArn !== undefined && region !== undefined && accountId !== undefined) {
    const issuer = statedIssuer ?? config?.status?.oidcIssuer ?? (await issuerOf(client, context.signal));
    const providerArn = oidcProviderArn({ partition: partitionOf(clusterArn), accountId, issuer });
    return { clusterArn, region, accountId, issuer, providerArn };
  }
  throw new CliError(
    'CLUSTER_NOT_READY',
    stated === undefined
      ? 'no ClusterConfig tells which roles are of this cluster'
      : `"${stated}" is not the ARN of a cluster`,
    { next: ['Give it: --cluster-arn arn:aws:eks:REGION:ACCOUNT:cluster/NAME'] },
  );
}

/** None, where the cluster does not know the kind any more. */
async function listedOrNone<T extends KonObject>(client: KubeClient, kind: Kind<T>): Promise<readonly T[]> {
  try {
    return await listObjects(client, kind);
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}

async function accountExists(client: KubeClient, name: string): Promise<boolean> {
  try {
    return (await findObject(client, accountKind, name)) !== undefined;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

function inBrief(principals: readonly string[]): string {
  const [first = 'nobody', ...others] = principals;
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
    header: 'LETS IN',
    value: (orphan) => orphan.letsIn.join(','),
    short: (orphan) => inBrief(orphan.letsIn),
  },
  { header: 'INLINE', value: (orphan) => orphan.inlinePolicyNames.join(',') },
  { header: 'ADOPTED', value: (orphan) => (orphan.adopted ? 'yes' : 'no') },
  { header: 'ARN', value: (orphan) => orphan.arn, wide: true },
];
