/** Blockers of the adoption of an existing role: running pods that would lose their access, and a missing consent. */
import { clusterTag } from '../desired/ownership.ts';
import type {
  Problem,
  RoleSpec,
  ClusterFacts,
  ObservedRole,
  RoleHolder,
  StepFailure,
} from '../state/world.ts';
import { tagValue } from '../desired/tags.ts';
import { admitsSubject, principalsOf } from '../desired/trust-principals.ts';
import { subjectOf } from '../desired/trust.ts';
import { listing } from './in-use.ts';
import { problemOf } from './step-list.ts';

/**
 * Running pods that an adoption would lock out: they hold the role by web identity, and the current trust policy admits
 * them, but the new trust policy would not. Only an adoption checks this. In the trust policy of a role that the
 * account already owns, the subject of such a pod is drift and is removed.
 */
export function excludedByAdoption(
  role: ObservedRole,
  spec: RoleSpec,
  holders: readonly RoleHolder[],
  { providerArn }: ClusterFacts,
): readonly RoleHolder[] {
  if (holders.length === 0) return [];
  const before = principalsOf(role.trustPolicy);
  const after = principalsOf(spec.trustPolicy);
  return holders.filter(({ namespace, serviceAccount }) => {
    const subject = subjectOf(namespace, serviceAccount);
    return admitsSubject(before, providerArn, subject) && !admitsSubject(after, providerArn, subject);
  });
}

export function adoptionBlocked(
  role: ObservedRole,
  excluded: readonly RoleHolder[],
  account: string,
): Problem {
  const named = excluded.map(
    ({ namespace, pod, serviceAccount }) => `${namespace}/${pod} (ServiceAccount ${serviceAccount})`,
  );
  const handOver = excluded.find(({ serviceAccount }) => serviceAccount === account);
  const remedy = handOver
    ? `hand the ServiceAccount ${handOver.namespace}/${account} over to the account: kubectl label serviceaccount -n ${handOver.namespace} ${account} k11n.dev/account=${account}`
    : 'move these pods to another account';
  return {
    reason: 'AdoptionBlocked',
    message: `the role ${role.arn} is not adopted, because running pods hold it and would lose their access under its new trust policy: ${listing(named)}. The role is adopted as soon as these pods have ended or the account admits them; ${remedy}`,
  };
}

/**
 * Problem of an adoption after IAM refused to set the ownership tags. The operator's IAM policy allows adopting a role only if
 * the role already has the cluster's tag.
 */
export function adoptionRefused(
  role: ObservedRole,
  failure: StepFailure,
  { clusterArn }: ClusterFacts,
): Problem {
  if (failure.code !== 'AccessDenied') return problemOf(failure);
  const consented = tagValue(role.tags, clusterTag) === clusterArn;
  const next = consented
    ? "AWS refused although the role has the cluster's consent tag, so the operator's IAM policy must lack the permission to adopt roles. To print a policy with this permission: kon iam-policy --adopt"
    : `Consent to the adoption: aws iam tag-role --role-name ${role.name} --tags Key=${clusterTag},Value=${clusterArn}`;
  return { reason: 'AdoptionRefused', message: `${failure.message}. ${next}` };
}
