/**
 * Admission probe: a policy that refuses two objects by name, whoever creates them. An API server loads new policies
 * within about a second, in the order of their creation. Once an API server refuses a dry run of a probe object, it
 * also enforces every policy that was applied before the probe. The refusal contains a digest, which distinguishes the
 * policies of different versions of Konstellation.
 * https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { apiGroup, apiVersion, linkedServiceAccounts } from '../api/index.ts';
import { admissionPolicy, matchRule, type AdmissionPolicy } from './admission-policy.ts';

const probeName = 'konstellation-admission-probe';

export const probePolicyName = 'probe.k11n.dev';

/** The probe is a Lease, because the operator and every installer may create Leases, and the kind exists without the CRDs. */
export function probeLease(namespace: string): {
  readonly apiVersion: 'coordination.k8s.io/v1';
  readonly kind: 'Lease';
  readonly metadata: { readonly name: string; readonly namespace: string };
} {
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: probeName, namespace } };
}

/** Probe account. Its refusal shows that the admission policies apply to the kinds of this project. */
export const probeAccount = {
  apiVersion,
  kind: linkedServiceAccounts.kind,
  metadata: { name: probeName },
  spec: { aws: { policyArns: [] } },
} as const;

/** @param others policies and bindings that are applied before the probe */
export function admissionDigest(others: readonly object[]): string {
  return bytesToHex(sha256(utf8ToBytes(JSON.stringify(others)))).slice(0, 12);
}

export function probePolicy(digest: string): AdmissionPolicy {
  return admissionPolicy(probePolicyName, {
    matchConstraints: {
      resourceRules: [
        matchRule(['CREATE'], 'coordination.k8s.io', ['leases'], [probeName]),
        matchRule(['CREATE'], apiGroup, [linkedServiceAccounts.plural], [probeName]),
      ],
    },
    validations: [
      {
        expression: 'false',
        message: `the admission policies of Konstellation are enforced (${digest}); this name is reserved for their probe`,
        reason: 'Forbidden',
      },
    ],
  });
}

/**
 * Returns the digest of the policies that the API server enforces, from the refusal of the probe object. Returns
 * undefined if the API server admits the probe object.
 *
 * @param create sends a probe object as a dry run
 * @throws the error of `create`, if it is not a refusal by the probe policy
 */
export async function enforcedDigest(create: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await create();
    return undefined;
  } catch (error) {
    const digest =
      error instanceof Error
        ? /admission policies of Konstellation are enforced \(([0-9a-f]+)\)/.exec(error.message)?.[1]
        : undefined;
    if (digest === undefined) throw error;
    return digest;
  }
}
