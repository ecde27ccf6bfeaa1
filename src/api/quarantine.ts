/**
 * Quarantine: cuts off an account, or some of its pods. While a Quarantine exists, the sessions of the account's roles are denied,
 * no pod can get new credentials, and the operator rolls out nothing that uses the account. If the Quarantine names pods, only the
 * sessions of these pods are denied. Quarantine is a separate kind, so that no edit of the account lifts it, and the rights to
 * create and to delete it are separate.
 */
import { z } from 'zod';
import type { quarantines, KonstellationObject } from './resources.ts';
import { dnsLabel, dnsSubdomain, mapOf, rule, text } from './meta.ts';

/** Maximum number of pods in one Quarantine. */
const mostPods = 50;

const quarantinedPod = z.object({
  uid: text(1, 63, /^[A-Za-z0-9-]+$/).describe(
    'Unique id of the pod (metadata.uid). Sessions of EKS Pod Identity have this id as a tag.',
  ),
  namespace: dnsLabel
    .optional()
    .describe('Namespace of the pod. Only the status uses it; the denial uses the uid of the pod.'),
  name: dnsSubdomain
    .optional()
    .describe('Name of the pod. Only the status uses it; the denial uses the uid of the pod.'),
});

export const quarantineSpec = z
  .object({
    account: dnsSubdomain.describe(
      'Account (LinkedServiceAccount) that is cut off. The account does not need to exist yet.',
    ),
    pods: mapOf(quarantinedPod, 'uid')
      .min(1)
      .max(mostPods)
      .optional()
      .describe(
        'Pods with an EKS Pod Identity whose sessions are denied, while the rest of the account works (default: the whole account is cut off). Needs allowStatements in the ClusterConfig, and a permissions boundary on the role.',
      ),
    requestedBy: text(1, 1024)
      .optional()
      .describe('Username of the person who creates this object. Admission refuses any other name.'),
    reason: text(1, 1024)
      .optional()
      .describe("Reason why the account is cut off. The account's status shows the reason."),
  })
  .meta(
    rule(
      'self == oldSelf',
      'a Quarantine cannot be changed: delete it to release the account, or create another Quarantine',
    ),
  );

export type QuarantinedPod = z.infer<typeof quarantinedPod>;
export type QuarantineSpec = z.infer<typeof quarantineSpec>;

export type Quarantine = KonstellationObject<typeof quarantines.kind, QuarantineSpec>;
