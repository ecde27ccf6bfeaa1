/** Invariants of each write to a Pod Identity association. */
import { accountLabel, roleArnAnnotation } from '../../../src/api/index.ts';
import { taggedOwner } from '../../../src/identity/index.ts';
import { resources } from '../../../src/kube/index.ts';
import { driftIntervalMs } from '../simulation.ts';
import { lacksTarget } from './account-versions.ts';
import type { Context } from './context.ts';
import { hasEnv, podIdentityEnv, seenPods, subjectOf, subjectsOf } from './identities.ts';
import { checkUnused } from './trust-change.ts';

export function checkAssociationWrites(context: Context): void {
  const { simulation, states, report } = context;
  simulation.aws.eks.onChange(({ action, before, by }) => {
    if (by === undefined || !before) return;
    const { namespace, serviceAccount, tags } = before;
    if (taggedOwner(tags)?.account !== by) {
      report(
        'foreign association',
        `${action} on that of ${namespace}/${serviceAccount}, on behalf of ${by}`,
      );
      return;
    }
    if (action !== 'DeletePodIdentityAssociation') return;
    // The deleted association gave pods other credentials than those of the role, and an update could not correct that.
    if (before.targetRoleArn !== undefined || before.policy !== undefined) return;
    const lacking = states.accounts(by).map((account) => lacksTarget(account, namespace, states.configs()));
    if (states.accounts(by).every((account) => account) && lacking.every(Boolean))
      checkUnused(context, `${action} of ${namespace}/${serviceAccount}`, {
        namespace,
        account: by,
        env: podIdentityEnv,
      });
    if (lacking.some(Boolean) || states.wasDisturbed(`namespaces /${namespace}`)) return;
    checkWaitingPods(context, namespace, serviceAccount);
    checkAnnotation(context, namespace, serviceAccount);
  });
}

/**
 * If the association of a target that the account still has is deleted, new pods must get the role from the annotation.
 */
function checkAnnotation(
  { simulation: { aws, server }, states, unawareMs, report }: Context,
  namespace: string,
  serviceAccount: string,
): void {
  const object = server.get(resources.serviceAccounts, serviceAccount, namespace);
  const roleName = object?.metadata.annotations?.[roleArnAnnotation]?.split('/').at(-1) ?? '';
  // A role that was broken or deleted out of band denies access to pods of both modes, and the operator may not know
  // of the change yet.
  if (states.wasDisturbed(`role ${roleName}`, unawareMs + driftIntervalMs)) return;
  if (!subjectsOf(aws.roles.get(roleName)).includes(subjectOf(namespace, serviceAccount)))
    report(
      'narrowing',
      `the association of ${namespace}/${serviceAccount} was deleted before the annotation worked`,
    );
}

/**
 * An association must not be deleted while another target without an association still has pods that use Pod Identity.
 */
function checkWaitingPods(context: Context, namespace: string, account: string): void {
  const {
    simulation: { aws, server },
    states,
    report,
  } = context;
  const waiting = seenPods(context, account).find((pod) => {
    const { namespace: other = '' } = pod.metadata;
    return (
      other !== namespace &&
      hasEnv(pod, podIdentityEnv) &&
      !aws.eks.associationOf(other, account) &&
      server.get(resources.serviceAccounts, account, other)?.metadata.labels?.[accountLabel] === account &&
      !states.wasDisturbed(`serviceaccounts ${other}/${account}`) &&
      !states.wasDisturbed(`namespaces /${other}`) &&
      !states.accounts(account).some((seen) => lacksTarget(seen, other, states.configs()))
    );
  });
  if (waiting)
    report(
      'narrowing',
      `the association of ${namespace}/${account} was deleted while ${waiting.metadata.namespace}/${waiting.metadata.name} had none`,
    );
}
