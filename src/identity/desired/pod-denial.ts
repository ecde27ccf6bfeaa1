/**
 * Inline policy that denies the sessions of individual pods. EKS Pod Identity puts the unique id of the pod into the session
 * tags. IAM evaluates them as `aws:PrincipalTag` in every request of the session, so the policy also denies credentials that were
 * copied out of the pod. Sessions of a web identity (IRSA) have no such tag and cannot be denied individually. The policy only
 * denies, never allows. It is separate from the inline policy of the account's statements, so that each of these two policies can
 * change without the other.
 * https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html
 */
import type { QuarantinedPod } from '../../api/index.ts';
import type { ObservedQuarantine, ObservedRole } from '../state/world.ts';
import { hasId, statementsIn } from './documents.ts';

/**
 * Name of the inline policy that denies the requests of quarantined pods. Others must not use this name on roles of
 * accounts.
 */
export const podDenialName = 'konstellation-quarantine';

/** `Id` of the policy document. It distinguishes the operator's policy from a policy of the same name that others wrote. */
const documentId = 'k11n.dev/quarantine';

const podUidKey = 'aws:PrincipalTag/kubernetes-pod-uid';

/** A pod whose sessions a Quarantine denies. */
export type DeniedPod = QuarantinedPod & { readonly quarantine: ObservedQuarantine };

/** Whether the Quarantine cuts off the whole account. */
export function isOfWholeAccount({ pods }: { readonly pods?: readonly unknown[] | undefined }): boolean {
  return pods === undefined || pods.length === 0;
}

export function oldestFirst(quarantines: readonly ObservedQuarantine[]): readonly ObservedQuarantine[] {
  return quarantines.toSorted((a, b) => a.since.localeCompare(b.since) || a.name.localeCompare(b.name));
}

/**
 * Pods whose sessions the Quarantines deny, sorted by unique id. If several Quarantines name the same pod, the pod is
 * listed with the oldest Quarantine.
 */
export function deniedPods(quarantines: readonly ObservedQuarantine[]): readonly DeniedPod[] {
  const pods = new Map<string, DeniedPod>();
  for (const quarantine of oldestFirst(quarantines))
    for (const pod of quarantine.pods ?? [])
      if (!pods.has(pod.uid)) pods.set(pod.uid, { ...pod, quarantine });
  return [...pods.values()].toSorted((a, b) => a.uid.localeCompare(b.uid));
}

/**
 * Renders the document of the inline policy, without white space.
 *
 * @param uids unique ids of pods; at least one
 */
export function podDenialDocument(uids: readonly string[]): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Id: documentId,
    Statement: [
      { Effect: 'Deny', Action: '*', Resource: '*', Condition: { StringEquals: { [podUidKey]: uids } } },
    ],
  });
}

/** Unique ids of the pods that a document from `podDenialDocument` denies; empty for any other document. */
export function uidsIn(document: string): readonly string[] {
  const uids = (statementsIn(document) ?? []).flatMap(({ Condition: condition }) =>
    [condition?.StringEquals?.[podUidKey] ?? []].flat(),
  );
  return uids.map(String);
}

/** Whether the role has an inline policy that the operator wrote to deny pods. */
export function hasPodDenial({ podDenial }: Pick<ObservedRole, 'podDenial'>): boolean {
  return hasId(podDenial, documentId);
}
