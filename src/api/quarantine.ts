/**
 * Quarantine: cuts off an account. While one exists, the sessions of the account's roles are denied, no pod can get new
 * credentials, and the operator rolls out nothing that uses the account. It is a kind of its own, so that no edit of the
 * account lifts it, and creating and deleting one are separate rights.
 */
import { z } from 'zod';
import type { apiVersion } from './resources.ts';
import { dnsSubdomain } from './meta.ts';
import type { ObjectMeta } from '../k8s/metadata.ts';

export const quarantineSpec = z
  .object({
    account: dnsSubdomain.describe('Account (LinkedServiceAccount) that is cut off. It need not exist yet.'),
    requestedBy: z
      .string()
      .min(1)
      .max(1024)
      .optional()
      .describe('Username of the person who creates this object. Admission refuses any other name.'),
    reason: z
      .string()
      .min(1)
      .max(1024)
      .optional()
      .describe("Why the account is cut off. It is shown in the account's status."),
  })
  .meta({
    'x-kubernetes-validations': [
      {
        rule: 'self == oldSelf',
        message: 'a Quarantine cannot be changed: delete it to release the account, or create another one',
      },
    ],
  });

export type QuarantineSpec = z.infer<typeof quarantineSpec>;

export type Quarantine = {
  readonly apiVersion: typeof apiVersion;
  readonly kind: 'Quarantine';
  readonly metadata: ObjectMeta;
  readonly spec: QuarantineSpec;
};
