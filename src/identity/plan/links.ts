/**
 * Link between a target's ServiceAccount and a role: the role annotation of the ServiceAccount, which the pod identity webhook
 * reads.
 *
 * A missing ServiceAccount is created with the annotation already set, because the webhook caches the first version that it sees. An
 * existing ServiceAccount belongs to the account only if it has Konstellation's label with the account's name.
 */
import { carriesOurRole } from '../desired/ownership.ts';
import type { Step, StepOf } from '../steps/step.ts';
import type { ObservedServiceAccount, TargetObservation, Problem } from '../state/world.ts';
import { accountLabelValue } from '../desired/names.ts';

export type LinkDecision =
  | { readonly state: 'linked' }
  | { readonly state: 'pending'; readonly step: Step }
  | { readonly state: 'blocked'; readonly problem: Problem };

/** State of the link of an accepted target, with the step that creates the link if it is missing. */
export function decideLink(account: string, observation: TargetObservation, roleArn: string): LinkDecision {
  const { name: target, serviceAccount } = observation;
  if (!serviceAccount) return { state: 'pending', step: { kind: 'CreateServiceAccount', target, roleArn } };
  if (serviceAccount.roleArn === roleArn) return { state: 'linked' };
  if (carriesForeignRole(serviceAccount)) {
    return {
      state: 'blocked',
      problem: {
        reason: 'ForeignAnnotation',
        message: `the ServiceAccount ${target}/${account} has an annotation with the role ${serviceAccount.roleArn}, set by "${serviceAccount.roleArnManager}", so the operator does not change the annotation. To let the operator set the annotation, first remove it: kubectl annotate serviceaccount -n ${target} ${account} eks.amazonaws.com/role-arn-`,
      },
    };
  }
  return { state: 'pending', step: { kind: 'LinkServiceAccount', target, roleArn, serviceAccount } };
}

/**
 * Step to remove a link. It deletes the ServiceAccount if the operator created it, and otherwise removes only the operator's
 * label and annotation.
 */
export function decideUnlink(
  account: string,
  observation: TargetObservation,
): StepOf<'DeleteServiceAccount' | 'UnlinkServiceAccount'> | undefined {
  const { name: target, serviceAccount, namespace } = observation;
  if (!serviceAccount || namespace !== 'present') return undefined;
  if (serviceAccount.account !== accountLabelValue(account)) return undefined;
  return serviceAccount.created
    ? { kind: 'DeleteServiceAccount', target, serviceAccount }
    : {
        kind: 'UnlinkServiceAccount',
        target,
        serviceAccount,
        keepsAnnotation: carriesForeignRole(serviceAccount),
      };
}

function carriesForeignRole(serviceAccount: ObservedServiceAccount): boolean {
  return serviceAccount.roleArn !== undefined && !carriesOurRole(serviceAccount);
}
