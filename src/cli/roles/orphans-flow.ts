/** `kon account orphans`: works with a cluster from which the operator, or all of Konstellation, has gone too. */
import { ownershipTagKeys, type AssociationStore, type RoleStore } from '../../identity/index.ts';
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
import { removeAssociationsOf } from './orphan-associations.ts';
import { orphansOf, type Orphan } from './orphans.ts';

export type OrphansRequest = {
  readonly delete: boolean;
  readonly yes: boolean;
  /** For when no ClusterConfig tells it any more. */
  readonly clusterArn: string | undefined;
};

type Cluster = { readonly clusterArn: string; readonly accountId: string; readonly region: string };

export async function orphansFlow(context: CliContext, request: OrphansRequest): Promise<ExitCode> {
  const { format, stdout, stderr, signal } = context;
  const client = await context.connect();
  const cluster = await clusterOf(client, request.clusterArn);
  return withAws(context, cluster.region, async (aws) => {
    await requireAccount(context, aws, { accountId: cluster.accountId, name: cluster.clusterArn });
    // Roles first: an account that is made meanwhile has a role that is no orphan.
    const { roles } = await aws.roles.snapshot(signal);
    const accounts = new Set(
      (await listedOrNone(client, accountKind)).map((account) => account.metadata.name),
    );
    const orphans = orphansOf(roles, cluster.clusterArn, accounts);
    const document = renderDocument('OrphanList', { clusterArn: cluster.clusterArn, items: orphans }, format);
    if (format === 'name') stdout.write(orphans.map((orphan) => `${orphan.name}\n`).join(''));
    else if (document !== undefined) stdout.write(document);
    else if (orphans.length > 0 || !stdout.isTTY)
      stdout.write(renderTable(columns, orphans, { output: stdout, wide: format === 'wide' }));
    if (orphans.length === 0) stderr.write(`No role of ${cluster.clusterArn} is without its account.\n`);
    if (!request.delete || orphans.length === 0) return exitCodes.ok;
    const sure = await confirmed(context, {
      yes: request.yes,
      what: `deleting ${orphans.length} roles`,
      question: `Delete ${orphans.length === 1 ? 'this role' : `these ${orphans.length} roles`}?`,
    });
    if (!sure) {
      stderr.write('Nothing was deleted.\n');
      return exitCodes.error;
    }
    const [, clusterName = ''] = cluster.clusterArn.split('/');
    const stores = { roles: aws.roles, associations: aws.podIdentity(clusterName).associations };
    return removeAll(context, client, stores, cluster.clusterArn, orphans);
  });
}

type Stores = { readonly roles: RoleStore; readonly associations: AssociationStore };

async function removeAll(
  context: CliContext,
  client: KubeClient,
  stores: Stores,
  clusterArn: string,
  orphans: readonly Orphan[],
): Promise<ExitCode> {
  const failures: string[] = [];
  for (const orphan of orphans) {
    try {
      context.stderr.write(
        `${orphan.name}: ${await remove(client, stores, clusterArn, orphan, context.signal)}\n`,
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

/** @returns what was done, as an end of a sentence */
async function remove(
  client: KubeClient,
  { roles, associations }: Stores,
  clusterArn: string,
  orphan: Orphan,
  signal: AbortSignal,
): Promise<string> {
  // The listing may be old, and the account may have come back while a person was thinking.
  const role = await roles.read(orphan.name, signal);
  if (!role) return 'is gone already';
  const [current] = orphansOf([role], clusterArn, new Set());
  if (!current || current.account !== orphan.account) return 'is no longer of this cluster; left alone';
  if (await accountExists(client, orphan.account))
    return `has its account ${orphan.account} again; left alone`;
  const removed = await removeAssociationsOf(current, clusterArn, associations, signal);
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

async function clusterOf(client: KubeClient, stated: string | undefined): Promise<Cluster> {
  const config = effectiveConfig(await listedOrNone(client, clusterConfigKind));
  const clusterArn = stated ?? config?.status?.clusterArn;
  const [, region, accountId] =
    /^arn:[^:]+:eks:([^:]+):([0-9]{12}):cluster\/.+$/.exec(clusterArn ?? '') ?? [];
  if (clusterArn !== undefined && region !== undefined && accountId !== undefined)
    return { clusterArn, region, accountId };
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

const columns: readonly Column<Orphan>[] = [
  { header: 'ROLE', value: (orphan) => orphan.name },
  { header: 'ACCOUNT', value: (orphan) => orphan.account },
  {
    header: 'POLICIES',
    value: (orphan) => orphan.attachedPolicyArns.join(','),
    short: (orphan) => String(orphan.attachedPolicyArns.length),
  },
  { header: 'INLINE', value: (orphan) => orphan.inlinePolicyNames.join(',') },
  { header: 'ADOPTED', value: (orphan) => (orphan.adopted ? 'yes' : 'no') },
  { header: 'ARN', value: (orphan) => orphan.arn, wide: true },
];
