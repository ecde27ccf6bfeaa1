/**
 * Prepares the EKS cluster for a run: reads facts about the cluster, creates a namespace with two ServiceAccounts, and requests
 * tokens.
 */
import { GetOpenIDConnectProviderCommand, type IAMClient } from '@aws-sdk/client-iam';
import { isNotFound, resources, type KubeClient } from '../../../kube/index.ts';
import type { CliContext } from '../../framework/context.ts';
import { CliError } from '../../framework/errors.ts';
import { accountKind, appKind, type Kind } from '../../cluster/kinds.ts';
import { orMissing } from '../../cluster/objects.ts';
import { cluesOf, withCluster } from '../../installation/discover.ts';
import type { Sandbox } from '../sandbox/engine.ts';

/**
 * Label on the accounts and namespaces of a conformance run. Its value is the name of the run. The run's AWS
 * resources have a tag with the same key.
 */
export const runLabel = 'konstellation-conformance';

export type Conformance = Awaited<ReturnType<Sandbox['loadConformance']>>;

export type ClusterOfRun = {
  readonly name: string;
  readonly region: string;
  /** URL of the issuer, with `https://`. */
  readonly issuer: string;
  readonly client: KubeClient;
  readonly hasProvider: (iam: IAMClient) => Promise<boolean>;
  /** Returns the names of the namespaces that conformance runs created. */
  readonly namespaces: () => Promise<readonly string[]>;
  /**
   * Returns the apps and then the accounts that conformance runs created. Apps come first, because an account is not
   * deleted while pods use it. Returns an empty list if Konstellation is not installed.
   */
  readonly walked: () => Promise<readonly { readonly kind: Kind; readonly name: string }[]>;
};

const stsAudience = 'sts.amazonaws.com';

/** @throws CliError if the cluster of the context is not an EKS cluster in the caller's AWS account */
export async function findCluster(
  context: CliContext,
  choice: { readonly clusterName: string | undefined; readonly region: string | undefined },
): Promise<ClusterOfRun> {
  const client = await context.connect();
  const clues = await cluesOf(context, client, choice.region);
  let found: ClusterOfRun | undefined;
  await withCluster(context, { ...choice, selfManaged: false }, clues, async ({ cluster }) => {
    found = {
      name: cluster.name,
      region: cluster.region,
      issuer: cluster.issuer,
      client,
      hasProvider: (iam) => exists(iam, cluster.providerArn),
      async namespaces() {
        const { items } = await client.list(resources.namespaces, {
          labelSelector: runLabel,
          signal: context.signal,
        });
        return items.map(({ metadata }) => metadata.name);
      },
      async walked() {
        const found = [];
        for (const kind of [appKind, accountKind]) {
          const listed = await orMissing(
            client.list(kind.resource, { labelSelector: runLabel, signal: context.signal }),
          );
          found.push(...(listed?.items ?? []).map(({ metadata: { name } }) => ({ kind, name })));
        }
        return found;
      },
    };
  });
  if (!found) throw new CliError('NOT_FOUND', 'the EKS cluster was not found');
  return found;
}

async function exists(iam: IAMClient, OpenIDConnectProviderArn: string): Promise<boolean> {
  try {
    await iam.send(new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn }));
    return true;
  } catch (error) {
    if ((error as Error).name === 'NoSuchEntityException') return false;
    throw error;
  }
}

export type PreparedCluster = {
  /** Tokens, keyed by their names in the scenario table. */
  readonly tokens: Readonly<Record<string, string>>;
  readonly remove: () => Promise<void>;
};

type Place = Parameters<Conformance['signForeignTokens']>[0];

/** Creates the namespace and its ServiceAccounts, and requests tokens. Deletes the namespace again if a step fails. */
export async function prepareCluster(
  { now, signal }: CliContext,
  { client, issuer }: ClusterOfRun,
  place: Place,
  { signForeignTokens }: Conformance,
): Promise<PreparedCluster> {
  const { namespace, serviceAccount } = place;
  const remove = (): Promise<void> => removeNamespace(client, namespace);
  const run = namespace.slice(namespace.lastIndexOf('-') + 1);
  try {
    await client.create(
      resources.namespaces,
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: { [runLabel]: run } } },
      { signal },
    );
    for (const name of [serviceAccount, 'other'])
      await client.create(
        resources.serviceAccounts,
        { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
        { signal },
      );
    const tokenOf = async (name: string, audience: string): Promise<string> =>
      (
        await client.createToken(
          { namespace, name },
          { audiences: [audience], expirationSeconds: 3600 },
          { signal },
        )
      ).token;
    return {
      tokens: {
        goodToken: await tokenOf(serviceAccount, stsAudience),
        otherAudienceToken: await tokenOf(serviceAccount, issuer),
        otherSubjectToken: await tokenOf('other', stsAudience),
        ...(await signForeignTokens(place, now)),
      },
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

export async function removeNamespaces(
  { client }: ClusterOfRun,
  names: readonly string[],
  onRemoved: (name: string) => void,
): Promise<void> {
  for (const name of names) {
    await removeNamespace(client, name);
    onRemoved(name);
  }
}

async function removeNamespace(client: KubeClient, name: string): Promise<void> {
  try {
    await client.delete(resources.namespaces, { name });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
