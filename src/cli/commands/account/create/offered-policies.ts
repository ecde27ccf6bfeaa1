/** Policies to choose from: AWS's catalogue, and the policies of the AWS account if they can be listed. */
import { getClusterFacts, type KnownCluster } from '../../../cluster/facts.ts';
import type { CliContext } from '../../../framework/context.ts';
import { screenPolicies } from '../../../../identity/plan/policies.ts';
import type { KubeClient } from '../../../../kube/index.ts';
import { managedPolicies } from '../../../../aws/catalogue/catalogue.ts';
import type { NamedPolicy } from '../../../aws/policy-search.ts';

export type OfferedPolicy = NamedPolicy & { readonly origin: 'account' | 'aws' };

/** Path of service-linked policies, which IAM attaches only to service-linked roles. */
const serviceLinked = '/aws-service-role/';

/** A person waits for the list. Without credentials the SDK would first search the network for some. */
const patienceMs = 2_000;

/**
 * The account's own first. Only what this cluster's ClusterConfig lets an account list; everything where that cannot be
 * read. Says on stderr with `-v` why the account could not be asked.
 */
export async function offeredPolicies(
  context: CliContext,
  client: KubeClient,
): Promise<readonly OfferedPolicy[]> {
  const known = await getClusterFacts(client).catch(() => undefined);
  const catalogue = managedPolicies(known?.facts.partition)
    .filter(({ path }) => path !== serviceLinked)
    .map(({ name, arn }): OfferedPolicy => ({ name, arn, origin: 'aws' }));
  const own = known ? await ownPolicies(context, known) : [];
  const all = [...own.map((arn) => ({ name: nameOf(arn), arn, origin: 'account' as const })), ...catalogue];
  if (!known) return all;
  const { wanted } = screenPolicies(
    all.map((policy) => policy.arn),
    known.facts,
  );
  const allowed = new Set(wanted);
  return all.filter((policy) => allowed.has(policy.arn));
}

async function ownPolicies(context: CliContext, { facts, region }: KnownCluster): Promise<readonly string[]> {
  const { requireAccount, withAws } = await import('../../../aws/session.ts');
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(patienceMs)]);
  try {
    return await withAws(context, region, async (aws) => {
      await requireAccount({ ...context, signal }, aws, facts);
      return aws.policies.ownArns(signal);
    });
  } catch (error) {
    context.signal.throwIfAborted();
    context.debug(`cannot list the policies of the AWS account: ${String(error)}`);
    return [];
  }
}

const nameOf = (arn: string): string => arn.slice(arn.lastIndexOf('/') + 1);
