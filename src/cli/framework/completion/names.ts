/** Reads names for completion from the cluster, the kubeconfig or bundled lists, within a short time limit. */
import { partitionNames } from '../../../api/partition-names.ts';
import { policyEntries } from '../../../identity/desired/policy-entries.ts';
import { createSession } from '../../cluster/session.ts';
import type { CliContext, GlobalOptions } from '../context.ts';
import { parseDuration } from '../duration.ts';
import { accountKind, appKind, type Kind } from '../../cluster/kinds.ts';
import type { Completed } from './candidates.ts';

type NameKind = Extract<Completed, { kind: 'names' }>['of'];

/**
 * Default time limit. It is short, because completion blocks the shell. Slower sources (an unreachable cluster, a slow
 * credential plugin) are abandoned. `KON_COMPLETION_TIMEOUT` sets another limit. The default limit counts from the
 * start of the process, so that the whole process takes at most half a second.
 */
const patienceMs = 450;
/** Minimum time limit in milliseconds, for a busy machine where startup has already used up the default limit. */
const leastMs = 50;

function patience({ env, monotonic, startedAt }: CliContext): number {
  const wanted = env['KON_COMPLETION_TIMEOUT'];
  try {
    if (wanted) return parseDuration(wanted);
  } catch {
    // An invalid value of KON_COMPLETION_TIMEOUT counts as unset.
  }
  return Math.max(leastMs, Math.round(patienceMs - (monotonic() - startedAt)));
}

/** Returns the names for completion. Omits names from the cluster that do not arrive in time. */
export async function liveNames(
  context: CliContext,
  of: NameKind,
  cluster: Pick<GlobalOptions, 'context' | 'kubeconfig'>,
  typed: string,
): Promise<readonly string[]> {
  // The catalogue is bundled with kon, so reading it needs no time limit.
  const isPolicy = of === 'policies' && /^(arn:|aws\/)/.test(typed);
  const catalogue = isPolicy ? await catalogueNames(typed) : [];
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(patience(context))]);
  const outOfTime = new Promise<readonly string[]>((resolve) => {
    signal.addEventListener('abort', () => resolve([]), { once: true });
  });
  const live = await Promise.race([namesOf(context.env, of, cluster).catch(() => []), outOfTime]);
  return [...new Set([...live, ...catalogue])];
}

/**
 * Returns the AWS managed policies whose ARN or name begins with the typed text. Not called for an empty text, which
 * would match more than a thousand policies.
 */
async function catalogueNames(typed: string): Promise<readonly string[]> {
  const partition = partitionNames.find((name) => typed.startsWith(`arn:${name}:`));
  const { managedPolicies } = await import('../../../aws/catalogue/catalogue.ts');
  return managedPolicies(partition)
    .map(({ arn }) => (typed.startsWith('arn:') ? arn : arn.replace(/^arn:[^:]+:iam::aws:policy/, 'aws')))
    .filter((name) => name.startsWith(typed));
}

async function namesOf(
  env: CliContext['env'],
  of: NameKind,
  cluster: Pick<GlobalOptions, 'context' | 'kubeconfig'>,
): Promise<readonly string[]> {
  if (of === 'contexts') {
    const { contextNames } = await import('./contexts.ts');
    return contextNames(env, cluster.kubeconfig);
  }
  if (of === 'codes') {
    const { explanations } = await import('../../commands/explain/codes.ts');
    return explanations.map(({ code }) => code);
  }
  // The client is not closed, because the process ends right afterwards.
  const client = await createSession(env, cluster).connect();
  const { listObjects } = await import('../../cluster/objects.ts');
  if (of === 'targets') {
    const { knownTargets } = await import('../../cluster/cluster-config.ts');
    return knownTargets(client);
  }
  if (of === 'policies') {
    // Offers the policies that accounts in this cluster use, because another account is likely to need the same
    // policies.
    const accounts = await listObjects(client, accountKind);
    return [...new Set(accounts.flatMap((account) => policyEntries(account.spec.aws)))];
  }
  const kind: Kind = of === 'accounts' ? accountKind : appKind;
  const objects = await listObjects(client, kind);
  return objects.map((object) => object.metadata.name);
}
