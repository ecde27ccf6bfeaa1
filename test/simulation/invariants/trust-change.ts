/**
 * Invariants of a trust policy: a write excludes no ServiceAccount and no Pod Identity association of a current target.
 */
import { accountLabel } from '../../../src/api/index.ts';
import { resources } from '../../../src/kube/index.ts';
import type { RoleChange } from '../simulated-aws.ts';
import { trustsPods } from '../simulated-eks.ts';
import { driftIntervalMs } from '../simulation.ts';
import { lacksTarget, usesPodIdentity } from './account-versions.ts';
import type { Context } from './context.ts';
import { hasEnv, podIdentityEnv, roleEnv, seenPods, subjectsOf } from './identities.ts';

/** Reports an identity that is removed while pods use it. Pods that the operator may not have seen yet do not count. */
export function checkUnused(
  context: Context,
  what: string,
  { namespace, account, env }: { readonly namespace: string; readonly account: string; readonly env: string },
): void {
  if (context.states.wasDisturbed(`serviceaccounts ${namespace}/${account}`)) return;
  if (seenPods(context, account, { namespace }).some((pod) => hasEnv(pod, env)))
    context.report('in use', `${what}, while pods of ${namespace}/${account} have the identity`);
}

export function checkTrust(context: Context, change: RoleChange): void {
  checkServiceAccounts(context, change);
  checkAssociations(context, change);
}

function checkServiceAccounts(context: Context, { name, before, after, by = '' }: RoleChange): void {
  const { simulation, states, unawareMs, report } = context;
  for (const subject of subjectsOf(before)) {
    if (subjectsOf(after).includes(subject)) continue;
    const [namespace = ''] = subject.split(':').slice(-2);
    const serviceAccount = simulation.server.get(resources.serviceAccounts, by, namespace);
    if (
      states.wasDisturbed(`namespaces /${namespace}`) ||
      states.wasDisturbed(`serviceaccounts ${namespace}/${by}`) ||
      states.wasDisturbed(`role ${name}`, unawareMs + driftIntervalMs) ||
      serviceAccount?.metadata.labels?.[accountLabel] !== by
    )
      continue;
    checkUnused(context, `${name} no longer trusts ${namespace}`, { namespace, account: by, env: roleEnv });
    const isUsed = seenPods(context, by, { namespace }).some((pod) => hasEnv(pod, roleEnv));
    const isDropped = states
      .accounts(by)
      .some(
        (account) =>
          lacksTarget(account, namespace, states.configs()) ||
          (usesPodIdentity(account, states.configs()) && !isUsed),
      );
    if (!isDropped)
      report('narrowing', `${name} no longer trusts ${namespace}, although it is a target of ${by}`);
  }
}

function checkAssociations(context: Context, { name, before, after, by = '' }: RoleChange): void {
  const { simulation, states, unawareMs, report } = context;
  if (!before || !after) return;
  for (const association of simulation.aws.eks.associations.values()) {
    const { namespace, serviceAccount, roleArn } = association;
    if (
      serviceAccount !== by ||
      roleArn !== before.arn ||
      !trustsPods(before.trustPolicy, association) ||
      trustsPods(after.trustPolicy, association) ||
      states.wasDisturbed(`namespaces /${namespace}`) ||
      states.wasDisturbed(`role ${name}`, unawareMs + driftIntervalMs)
    )
      continue;
    const what = `${name} no longer trusts the Pod Identity pods of ${namespace}`;
    checkUnused(context, what, { namespace, account: by, env: podIdentityEnv });
    if (!states.accounts(by).some((account) => lacksTarget(account, namespace, states.configs())))
      report('narrowing', `${what}, although they have an association with it`);
  }
}
