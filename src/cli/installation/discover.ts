/** Determines the EKS cluster of a kubeconfig, and the cluster's AWS account, with calls to EKS and STS. */
import type { ClusterConfig } from '../../api/cluster-config.ts';
import { connectInstallation, type EksCluster, type InstallationStore } from '../../aws/installation.ts';
import { unlessDenied } from '../framework/denied.ts';
import { clusterArn, oidcProviderArn, type CallerIdentity } from '../../identity/index.ts';
import { defined } from '../../k8s/defined.ts';
import { KubeApiError, type KubeClient } from '../../kube/index.ts';
import { readDocument } from '../../kube/kubeconfig-files.ts';
import type { CliContext } from '../framework/context.ts';
import { withAws, type Aws } from '../aws/session.ts';
import { CliError, usageError } from '../framework/errors.ts';
import { version } from '../version.ts';
import { regionOfEksUrl } from '../../api/partitions.ts';

export type DiscoveredCluster = {
  readonly name: string;
  readonly region: string;
  readonly accountId: string;
  readonly partition: string;
  readonly clusterArn: string;
  readonly issuer: string;
  readonly providerArn: string;
  /** Whether the cluster is an EKS cluster. */
  readonly eks: boolean;
  /** Whether EKS Auto Mode runs the nodes, including the Pod Identity agent. */
  readonly autoMode: boolean;
};

export type ClusterChoice = {
  readonly clusterName: string | undefined;
  readonly region: string | undefined;
  /** Whether the cluster is outside EKS. The name of such a cluster is used only for display and in role names. */
  readonly selfManaged: boolean;
};

/** Facts about the cluster from the kubeconfig, the API server and the environment, without calls to AWS. */
export type ClusterClues = {
  readonly hints: ClusterHints;
  readonly issuer: string;
  readonly region: string;
};

/**
 * Collects facts from the kubeconfig, the API server and the environment.
 * @param given region from an option or a ClusterConfig
 * @throws CliError of code USAGE if the region is unknown
 */
export async function cluesOf(
  context: CliContext,
  client: KubeClient,
  given: string | undefined,
): Promise<ClusterClues> {
  const { kubeconfig, context: wanted } = context.global;
  const { document } = await readDocument({ kubeconfig, context: wanted, env: context.env });
  const chosen = document.contexts.find(({ name }) => name === (wanted ?? document['current-context']));
  const user = document.users.find(({ name }) => name === chosen?.context?.user)?.user;
  const { server } = await context.connection();
  const issuer = await issuerOf(client, context.signal);
  const args = user?.exec?.['args'];
  const hints = clusterHints({
    server,
    issuer,
    names: [chosen?.context?.cluster, chosen?.context?.user, chosen?.name].filter(
      (name): name is string => name !== undefined,
    ),
    exec: Array.isArray(args) ? args.map(String) : [],
  });
  const region = given ?? hints.region ?? (context.env['AWS_REGION'] || context.env['AWS_DEFAULT_REGION']);
  if (!region)
    throw usageError(
      'the AWS region is unknown: neither the kubeconfig nor the environment names it',
      'Pass --region REGION',
    );
  return { hints, issuer, region };
}

/** Connects to AWS in the region that `clues` contains, finds the cluster, runs `work`, and closes the connection. */
export function withCluster<T>(
  context: CliContext,
  choice: ClusterChoice,
  clues: ClusterClues,
  work: (found: {
    readonly aws: Aws;
    readonly installation: InstallationStore;
    readonly caller: CallerIdentity;
    readonly cluster: DiscoveredCluster;
  }) => Promise<T>,
): Promise<T> {
  const { region } = clues;
  return withAws(context, region, (aws) =>
    withInstallation(context, region, async (installation) => {
      const caller = await aws.account.callerIdentity(context.signal);
      const of = { ...clues, choice, caller, signal: context.signal };
      const cluster = await discoverCluster(of, installation);
      return work({ aws, installation, caller, cluster });
    }),
  );
}

/**
 * Runs `work` with AWS clients for an installation's OIDC provider, cluster and association. Closes the clients
 * afterwards.
 */
export async function withInstallation<T>(
  { env }: CliContext,
  region: string,
  work: (installation: InstallationStore) => Promise<T>,
): Promise<T> {
  const installation = connectInstallation({ region, env, userAgent: `kon/${version}` });
  try {
    return await work(installation);
  } finally {
    installation.close();
  }
}

/** Returns the token issuer according to the API server. */
export async function issuerOf(client: KubeClient, signal: AbortSignal): Promise<string> {
  const path = '/.well-known/openid-configuration';
  const { status, body } = await client.raw({ method: 'GET', path, signal });
  const issuer = status === 200 ? (JSON.parse(body) as { issuer?: string }).issuer : undefined;
  if (issuer !== undefined) return issuer;
  // Reports a denied request as denied, because the denial reveals nothing about the token issuer.
  if (status === 401 || status === 403) throw new KubeApiError({ code: status }, { request: `GET ${path}` });
  throw new CliError(
    'CLUSTER_NOT_READY',
    `the API server does not reveal its token issuer (${path}: ${status})`,
    {
      next: [
        'Check that the kubeconfig points to a Kubernetes API server whose --service-account-issuer is an https URL.',
      ],
    },
  );
}

/** @throws CliError of code NOT_FOUND when AWS does not know the cluster, USAGE when more options are needed */
async function discoverCluster(
  of: ClusterClues & {
    readonly choice: ClusterChoice;
    readonly caller: CallerIdentity;
    readonly signal: AbortSignal;
  },
  aws: Pick<InstallationStore, 'cluster' | 'clusterNames'>,
): Promise<DiscoveredCluster> {
  const { choice, hints, issuer, region, caller, signal } = of;
  const found = (name: string, arn: string, eks: boolean, autoMode = false): DiscoveredCluster => ({
    name,
    region,
    accountId: caller.accountId,
    partition: caller.partition,
    clusterArn: arn,
    issuer,
    providerArn: oidcProviderArn({ ...caller, issuer }),
    eks,
    autoMode,
  });
  const wanted = choice.clusterName ?? hints.name;
  if (choice.selfManaged) {
    if (wanted === undefined)
      throw new CliError('USAGE', 'a cluster outside EKS needs a name', {
        next: ['Pass --cluster-name NAME'],
      });
    // A self-managed cluster with the name of an EKS cluster would have that cluster's ARN, and therefore use its
    // roles. Ignores a denied read, because a cluster outside EKS requires no EKS permissions.
    const namesake = await unlessDenied(aws.cluster(wanted, signal));
    if (namesake && namesake.issuer !== issuer) throw notTheCluster(namesake, issuer, region);
    return found(wanted, clusterArn({ ...caller, region, name: wanted }), false);
  }
  if (hints.accountId !== undefined && hints.accountId !== caller.accountId)
    throw new CliError(
      'AWS_WRONG_ACCOUNT',
      `the kubeconfig's cluster is in AWS account ${hints.accountId}, but you are ${caller.arn}`,
      { next: [`Choose a profile of account ${hints.accountId}: AWS_PROFILE=NAME`] },
    );
  const names = wanted === undefined ? await aws.clusterNames(signal) : [wanted];
  for (const name of names) {
    const cluster = await aws.cluster(name, signal);
    if (cluster?.issuer === issuer) return found(cluster.name, cluster.arn, true, cluster.autoMode);
    if (cluster && wanted !== undefined) throw notTheCluster(cluster, issuer, region);
  }
  throw new CliError(
    'NOT_FOUND',
    wanted === undefined
      ? `none of the ${names.length} EKS clusters in ${region} has the issuer ${issuer}`
      : `EKS cluster ${wanted} not found in ${region}`,
    {
      next: ['Pass --region REGION or --cluster-name NAME', 'For a cluster outside EKS: --self-managed'],
    },
  );
}

function notTheCluster({ name, issuer }: EksCluster, asked: string, region: string): CliError {
  return new CliError('CONFLICT', `EKS cluster ${name} in ${region} is not the cluster of the kubeconfig`, {
    details: [`The EKS cluster has the issuer ${issuer}.`, `The API server has the issuer ${asked}.`],
    next: ['Choose the matching cluster with --cluster-name, --region or --context.'],
  });
}

/**
 * Refuses a ClusterConfig (such as a copied one) that names another cluster than the kubeconfig: roles would get the
 * other cluster's name and tags.
 * @throws CliError of code CONFLICT
 */
export function requireConfigOf(config: ClusterConfig | undefined, cluster: DiscoveredCluster): void {
  if (!config) return;
  const { clusterName, region, accountId = cluster.accountId } = config.spec.aws;
  const name = clusterName ?? config.metadata.name;
  if (name === cluster.name && region === cluster.region && accountId === cluster.accountId) return;
  throw new CliError(
    'CONFLICT',
    `ClusterConfig ${config.metadata.name} names cluster ${name} in ${region}, AWS account ${accountId}`,
    {
      details: [`The kubeconfig points to ${cluster.clusterArn}.`],
      next: [
        'Choose the cluster that the ClusterConfig names, with --context, --cluster-name or --region.',
        'Or, if the ClusterConfig was copied from another cluster, delete it before an operator applies it.',
      ],
    },
  );
}

type ClusterHints = {
  readonly name?: string;
  readonly region?: string;
  readonly accountId?: string;
};

export type KubeconfigFacts = {
  /** URL of the API server. */
  readonly server: string;
  /** Names, in the kubeconfig, of the chosen context and of its cluster and user. */
  readonly names: readonly string[];
  /** Command line of the credential plugin. */
  readonly exec: readonly string[];
  /** Issuer of ServiceAccount tokens according to the API server. */
  readonly issuer?: string | undefined;
};

/** Derives hints from the best available source: arguments of the credential plugin are reliable, names are a guess. */
export function clusterHints(facts: KubeconfigFacts): ClusterHints {
  const { exec, names, server, issuer = '' } = facts;
  const valueOf = (...flags: readonly string[]): string | undefined => {
    for (const [index, word] of exec.entries()) {
      const [flag, value] = word.split('=', 2);
      if (flags.includes(flag ?? '')) return value ?? exec[index + 1];
    }
    return undefined;
  };
  // The credential plugin names the cluster: `aws eks get-token --cluster-name`, or `aws-iam-authenticator -i`. A
  // kubeconfig entry of `aws eks update-kubeconfig` has the cluster's ARN as its name.
  const arns = names.flatMap((name) => {
    const match = /^arn:[^:]+:eks:([^:]+):([0-9]{12}):cluster\/(.+)$/.exec(name);
    return match ? [{ region: match[1], accountId: match[2], name: match[3] }] : [];
  });
  // eksctl: NAME.REGION.eksctl.io
  const eksctl = names.flatMap((name) => {
    const match = /^([^.@]+)\.([a-z0-9-]+)\.eksctl\.io$/.exec(name);
    return match ? [{ name: match[1], region: match[2] }] : [];
  });
  const name = valueOf('--cluster-name', '--cluster-id', '-i') ?? arns[0]?.name ?? eksctl[0]?.name;
  const region =
    valueOf('--region') ??
    arns[0]?.region ??
    eksctl[0]?.region ??
    regionOfEksUrl(server) ??
    regionOfEksUrl(issuer);
  return defined({ name, region, accountId: arns[0]?.accountId });
}
