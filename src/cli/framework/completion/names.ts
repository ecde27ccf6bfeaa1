/** Names that only the cluster or the kubeconfig knows, within a time that a person does not notice. */
import { partitionNames } from '../../../api/partitions.ts';
import { createSession } from '../../cluster/session.ts';
import type { CliContext, GlobalOptions } from '../context.ts';
import { parseDuration } from '../duration.ts';
import { accountKind, appKind, type Kind } from '../../cluster/kinds.ts';
import type { Completed } from './candidates.ts';

type NameKind = Extract<Completed, { kind: 'names' }>['of'];

/**
 * A shell stands still meanwhile. What takes longer (a dead cluster, a slow credential plugin) is given up, unless
 * `KON_COMPLETION_TIMEOUT` says how long to wait. Counted from the start of the process, so that with its end it is half
 * a second at most.
 */
const patienceMs = 450;
/** On a machine so busy that starting took all of it. */
const leastMs = 50;

function patience({ env, monotonic, startedAt }: CliContext): number {
  const wanted = env['KON_COMPLETION_TIMEOUT'];
  try {
    if (wanted) return parseDuration(wanted);
  } catch {
    // As if it were not set.
  }
  return Math.max(leastMs, Math.round(patienceMs - (monotonic() - startedAt)));
}

/** Empty when they cannot be had in time. */
export async function liveNames(
  context: CliContext,
  of: NameKind,
  cluster: Pick<GlobalOptions, 'context' | 'kubeconfig'>,
  typed: string,
): Promise<readonly string[]> {
  // The catalogue comes with kon: no cluster has to be asked for it.
  const catalogue = of === 'policies' && typed.startsWith('arn:') ? await catalogueNames(typed) : [];
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(patience(context))]);
  const outOfTime = new Promise<readonly string[]>((resolve) => {
    signal.addEventListener('abort', () => resolve([]), { once: true });
  });
  const live = await Promise.race([namesOf(context.env, of, cluster).catch(() => []), outOfTime]);
  return [...new Set([...live, ...catalogue])];
}

/** AWS's policies whose ARN begins so: without a beginning there would be more than a thousand. */
async function catalogueNames(typed: string): Promise<readonly string[]> {
  const partition = partitionNames.find((name) => typed.startsWith(`arn:${name}:`));
  const { managedPolicies } = await import('../../../aws/catalogue/catalogue.ts');
  return managedPolicies(partition)
    .map((policy) => policy.arn)
    .filter((arn) => arn.startsWith(typed));
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
  // Left open: the process ends right after, and out of time or not.
  const client = await createSession(env, cluster).connect();
  const { listObjects } = await import('../../cluster/objects.ts');
  if (of === 'targets') {
    const { knownTargets } = await import('../../cluster/targets.ts');
    return knownTargets(client);
  }
  if (of === 'policies') {
    // Policies in use in this cluster: another account is likely to need the same.
    const accounts = await listObjects(client, accountKind);
    return [...new Set(accounts.flatMap((account) => account.spec.aws.policyArns))];
  }
  const kind: Kind = of === 'accounts' ? accountKind : appKind;
  const objects = await listObjects(client, kind);
  return objects.map((object) => object.metadata.name);
}
