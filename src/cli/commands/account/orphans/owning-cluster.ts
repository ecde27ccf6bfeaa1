/**
 * Determines the cluster whose roles `kon account orphans` lists and deletes. Before a deletion, the kubeconfig, the
 * ClusterConfig, the ARN and EKS must identify the same cluster: the accounts of one cluster do not show which roles of
 * another cluster are orphans.
 */
import { oidcProviderArn, partitionOf, type OwningCluster } from '../../../../identity/index.ts';
import { effectiveConfig } from '../../../../identity/plan/cluster-state.ts';
import {
  isForbidden,
  isNotFound,
  resources,
  type KubeClient,
  type KubeObject,
} from '../../../../kube/index.ts';
import { linkedServiceAccounts } from '../../../../api/resources.ts';
import { listObjects, orMissing } from '../../../cluster/objects.ts';
import type { CliContext } from '../../../framework/context.ts';
import { CliError, usageError } from '../../../framework/errors.ts';
import { issuerOf, withInstallation } from '../../../installation/discover.ts';
import { accountKind, clusterConfigKind } from '../../../cluster/kinds.ts';

export type ClusterOfRoles = OwningCluster & {
  readonly name: string;
  readonly accountId: string;
  readonly region: string;
  /**
   * Client for the owning cluster. Absent if the owning cluster was deleted, or if the kubeconfig points to another
   * cluster. The accounts of the owning cluster cannot be read then.
   */
  readonly client: KubeClient | undefined;
};

export type ClusterChoice = {
  readonly clusterArn: string | undefined;
  readonly issuer: string | undefined;
  /** Whether the user confirms that the cluster with this ARN and issuer was deleted. */
  readonly clusterGone: boolean;
};

/** @throws CliError of code CONFLICT if the kubeconfig, the ClusterConfig and the options identify different clusters */
export async function clusterOfRoles(
  context: CliContext,
  choice: ClusterChoice,
  willDelete: boolean,
): Promise<ClusterOfRoles> {
  if (choice.clusterGone) return deletedCluster(context, choice);
  const client = await context.connect();
  const config = effectiveConfig((await orMissing(listObjects(client, clusterConfigKind))) ?? []);
  const configured = config?.status?.clusterArn;
  const connected = await connectedIssuer(
    context,
    client,
    willDelete ? undefined : config?.status?.oidcIssuer,
  );
  const arn = choice.clusterArn ?? configured;
  if (arn === undefined)
    throw new CliError(
      'CLUSTER_NOT_READY',
      'cannot determine which roles belong to this cluster: no ClusterConfig contains the ARN of the cluster',
      {
        next: ['Pass --cluster-arn arn:aws:eks:REGION:ACCOUNT:cluster/NAME'],
      },
    );
  const issuer = choice.issuer ?? connected;
  const cluster = described(arn, issuer);
  if (!willDelete) return { ...cluster, client: issuer === connected ? client : undefined };
  if (issuer !== connected)
    throw anotherCluster(
      `the cluster of issuer ${issuer}`,
      [
        `The kubeconfig points to another cluster (issuer ${connected}). The accounts of that cluster do not show which roles of the cluster with issuer ${issuer} are orphans.`,
      ],
      `If that cluster was deleted: kon account orphans --delete --cluster-gone --cluster-arn ${arn} --issuer ${issuer}`,
    );
  if (configured !== undefined && configured !== arn)
    throw anotherCluster(arn, [
      `The ClusterConfig ${config?.metadata.name} in the cluster of the kubeconfig names ${configured}.`,
    ]);
  await withInstallation(context, cluster.region, async (eks) => {
    const known = await eks.cluster(cluster.name, context.signal);
    if (known && known.issuer !== connected)
      throw anotherCluster(
        `the EKS cluster ${arn}`,
        [`The EKS cluster has the issuer ${known.issuer}.`, `The API server has the issuer ${connected}.`],
        ...(config
          ? ['If the ClusterConfig was copied from another cluster, correct spec.aws.clusterName and region']
          : []),
      );
  });
  return { ...cluster, client };
}

function anotherCluster(wanted: string, details: readonly string[], ...next: readonly string[]): CliError {
  return new CliError('CONFLICT', `the kubeconfig does not point to ${wanted}`, {
    details,
    next: ['Choose the kubeconfig of that cluster: --kubeconfig FILE or --context NAME', ...next],
  });
}

/** @throws CliError of code CONFLICT if an existing cluster has the issuer */
async function deletedCluster(
  context: CliContext,
  { clusterArn: arn, issuer }: ClusterChoice,
): Promise<ClusterOfRoles> {
  if (arn === undefined || issuer === undefined)
    throw usageError(
      '--cluster-gone needs --cluster-arn and --issuer',
      'To find the issuer: kon account orphans --cluster-arn ARN lists the issuers of roles that it skips.',
    );
  const cluster = described(arn, issuer);
  const exists = (where: string): CliError =>
    new CliError('CONFLICT', `the cluster of the issuer ${issuer} exists: ${where}`, {
      next: ['Connect to that cluster, and omit --cluster-gone and --issuer.'],
    });
  if ((await reachedIssuer(context)) === issuer) throw exists('the kubeconfig points to that cluster');
  // Searches for the cluster in the ARN's region and in the issuer's region. The two regions differ if the
  // ClusterConfig was copied: the roles are then tagged with the ARN of the original cluster.
  const ofIssuer = /^https:\/\/oidc\.eks\.([a-z0-9-]+)\./.exec(issuer)?.[1];
  for (const region of new Set([cluster.region, ofIssuer ?? cluster.region]))
    await withInstallation(context, region, async (eks) => {
      for (const name of await eks.clusterNames(context.signal)) {
        const known = await eks.cluster(name, context.signal);
        if (known?.issuer === issuer) throw exists(known.arn);
      }
    });
  return { ...cluster, client: undefined };
}

function described(arn: string, issuer: string): Omit<ClusterOfRoles, 'client'> {
  const [, region, accountId, name] = /^arn:[^:]+:eks:([^:]+):([0-9]{12}):cluster\/(.+)$/.exec(arn) ?? [];
  if (region === undefined || accountId === undefined || name === undefined)
    throw new CliError('CLUSTER_NOT_READY', `"${arn}" is not the ARN of a cluster`, {
      next: ['Pass --cluster-arn arn:aws:eks:REGION:ACCOUNT:cluster/NAME'],
    });
  const providerArn = oidcProviderArn({ partition: partitionOf(arn), accountId, issuer });
  return { clusterArn: arn, name, region, accountId, issuer, providerArn };
}

/**
 * @param fallback issuer to return if the API server denies access. Only a command that deletes nothing may pass one.
 */
async function connectedIssuer(
  { signal }: CliContext,
  client: KubeClient,
  fallback: string | undefined,
): Promise<string> {
  try {
    return await issuerOf(client, signal);
  } catch (error) {
    if (fallback !== undefined && isForbidden(error)) return fallback;
    throw error;
  }
}

const reachTimeoutMs = 5_000;

/** Returns undefined if the cluster of the kubeconfig cannot be reached, for example after its deletion. */
async function reachedIssuer(context: CliContext): Promise<string | undefined> {
  try {
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(reachTimeoutMs)]);
    return await issuerOf(await context.connect(), signal);
  } catch {
    context.signal.throwIfAborted();
    return undefined;
  }
}

/**
 * @returns the names of all accounts; an empty set if the cluster does not have the CRD
 * @throws an error if the accounts cannot be read
 */
export async function accountNames(client: KubeClient, signal: AbortSignal): Promise<ReadonlySet<string>> {
  try {
    return new Set((await listObjects(client, accountKind)).map(({ metadata }) => metadata.name));
  } catch (error) {
    if (!isNotFound(error) || (await hasAccountKind(client, signal))) throw error;
    return new Set();
  }
}

async function hasAccountKind(client: KubeClient, signal: AbortSignal): Promise<boolean> {
  const name = `${linkedServiceAccounts.plural}.${linkedServiceAccounts.group}`;
  const resource = resources.customResourceDefinitions;
  return (await orMissing(client.get<KubeObject>(resource, { name }, { signal }))) !== undefined;
}
