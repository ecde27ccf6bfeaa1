/** Lists the policies that a user can choose: AWS managed policies, and customer managed policies if they can be listed. */
import { getClusterFacts, type KnownCluster } from '../../../cluster/facts.ts';
import type { CliContext } from '../../../framework/context.ts';
import { screenPolicies } from '../../../../identity/plan/policies.ts';
import type { KubeClient } from '../../../../kube/index.ts';
import { managedPolicies } from '../../../../aws/catalogue/catalogue.ts';
import type { NamedPolicy } from '../../../aws/policy-search.ts';

export type OfferedPolicy = NamedPolicy & { readonly origin: 'account' | 'aws' };

/** Path of the policies that can be attached only to service-linked roles. */
const serviceLinked = '/aws-service-role/';

/**
 * Timeout in milliseconds for listing customer managed policies. Short, because the user waits for the list, and the
 * SDK searches the network for credentials if it finds none locally.
 */
const patienceMs = 2_000;

/**
 * Returns the offered policies, customer managed policies first. Returns only policies that the ClusterConfig allows,
 * or all policies if the ClusterConfig cannot be read. With `-v`, stderr shows why the policies of the AWS account
 * could not be listed.
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
