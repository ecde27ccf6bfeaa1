/**
 * Prepares the EKS cluster for a run: reads facts about the cluster, creates a namespace with two ServiceAccounts, and requests
 * tokens.
 */
import { GetOpenIDConnectProviderCommand, type IAMClient } from '@aws-sdk/client-iam';
import { stsAudience } from '../../../api/labels.ts';
import { resources, type KubeClient } from '../../../kube/index.ts';
import type { CliContext } from '../../framework/context.ts';
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

/** @throws CliError if the cluster of the context is not an EKS cluster in the caller's AWS account */
export async function findCluster(
  context: CliContext,
  choice: { readonly clusterName: string | undefined; readonly region: string | undefined },
) {
  const client = await context.connect();
  const clues = await cluesOf(context, client, choice.region);
  const ofRuns = { labelSelector: runLabel, signal: context.signal };
  return withCluster(context, { ...choice, selfManaged: false }, clues, async ({ cluster }) => ({
    ...cluster,
    client,
    hasProvider: (iam: IAMClient) => exists(iam, cluster.providerArn),
    /** Returns the names of the namespaces that runs of `kon conformance` created. */
    async namespaces(): Promise<readonly string[]> {
      const { items } = await client.list(resources.namespaces, ofRuns);
      return items.map(({ metadata }) => metadata.name);
    },
    /**
     * Returns what runs of `kon conformance` created: the apps, then the accounts. Apps come first, because an account is not
     * deleted while pods use it. Returns an empty list if Konstellation is not installed.
     */
    async walked(): Promise<readonly { readonly kind: Kind; readonly name: string }[]> {
      const found = [];
      for (const kind of [appKind, accountKind]) {
        const listed = await orMissing(client.list(kind.resource, ofRuns));
        found.push(...(listed?.items ?? []).map(({ metadata: { name } }) => ({ kind, name })));
      }
      return found;
    },
  }));
}

export type ClusterOfRun = Awaited<ReturnType<typeof findCluster>>;

async function exists(iam: IAMClient, OpenIDConnectProviderArn: string): Promise<boolean> {
  try {
    await iam.send(new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn }));
    return true;
  } catch (error) {
    if ((error as Error).name === 'NoSuchEntityException') return false;
    throw error;
  }
}

type Place = Parameters<Conformance['signForeignTokens']>[0];

/**
 * Creates the namespace and its ServiceAccounts, and requests tokens. Deletes the namespace again if a step fails.
 * @returns the tokens, keyed by their names in the scenario table
 */
export async function prepareCluster(
  { now, signal }: CliContext,
  { client, issuer }: ClusterOfRun,
  place: Place,
  { signForeignTokens }: Conformance,
): Promise<Readonly<Record<string, string>>> {
  const { namespace, serviceAccount } = place;
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
    const tokenOf = async (name: string, audience: string): Promise<string> => {
      const request = { audiences: [audience], expirationSeconds: 3600 };
      return (await client.createToken({ namespace, name }, request, { signal })).token;
    };
    return {
      goodToken: await tokenOf(serviceAccount, stsAudience),
      otherAudienceToken: await tokenOf(serviceAccount, issuer),
      otherSubjectToken: await tokenOf('other', stsAudience),
      ...(await signForeignTokens(place, now)),
    };
  } catch (error) {
    await removeNamespace(client, namespace);
    throw error;
  }
}

export async function removeNamespace(client: KubeClient, name: string): Promise<void> {
  await orMissing(client.delete(resources.namespaces, { name }));
}
