/** Checks the admission policies. Without these policies, anyone who may write accounts can grant any permission. */
import {
  admissionObjects,
  enforcedDigest,
  probeAccount,
  shippedAdmissionDigest,
  type OperatorIdentity,
} from '../../../../rbac/index.ts';
import { linkedServiceAccounts } from '../../../../api/index.ts';
import { isForbidden, resources, type KubeObject } from '../../../../kube/index.ts';
import { installer, operatorName } from '../../../installation/operator-objects.ts';
import { failure, ok, warning, type Run, type Verdict } from '../check.ts';
import type { Lookups } from '../lookups.ts';

const repair = 'Apply the policies of this version: kon install, or helm upgrade';

export const admissionCheck: Run = async (lookups) => {
  const { client, signal } = lookups;
  const kube = await client();
  const lists = await Promise.all(
    [resources.validatingAdmissionPolicies, resources.validatingAdmissionPolicyBindings].map((resource) =>
      kube.list<KubeObject>(resource, { signal }),
    ),
  );
  const installed = lists.flatMap(({ items }) => items);
  const comparison = compareAdmission(admissionObjects(await identityOf(lookups)), installed);
  return comparison.status === 'ok' ? checkEnforcement(lookups) : comparison;
};

/** @param installed all ValidatingAdmissionPolicies and bindings of the cluster */
export function compareAdmission(shipped: readonly object[], installed: readonly KubeObject[]): Verdict {
  const wanted = JSON.parse(JSON.stringify(shipped)) as readonly KubeObject[];
  const keyOf = ({ kind, metadata }: KubeObject): string => `${kind} ${metadata.name}`;
  const found = new Map(installed.map((object) => [keyOf(object), object]));
  const missing = wanted.filter((object) => !found.has(keyOf(object)));
  if (missing.length === wanted.length)
    return warning(
      'no admission policy is installed: anyone who may write accounts can grant any permission',
      ['With admission.enabled=false, the chart installs no admission policies.', repair],
    );
  if (missing.length > 0) return failure(`missing: ${missing.map(keyOf).join(', ')}`, [repair]);
  const differing = wanted.filter((object) => {
    const live = found.get(keyOf(object));
    return !live || !includes(specOf(live), specOf(object));
  });
  return differing.length === 0
    ? ok()
    : warning(`policies differ from those of this version of kon: ${differing.map(keyOf).join(', ')}`, [
        `${repair}; or use the version of kon that installed these policies`,
      ]);
}

const specOf = (object: KubeObject): object => (object as { readonly spec?: object }).spec ?? {};

/**
 * Whether `live` contains every value of `wanted`. Ignores additional values, because the API server adds defaults. Compares
 * lists element by element.
 */
function includes(live: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted))
    return (
      Array.isArray(live) &&
      live.length === wanted.length &&
      wanted.every((value, index) => includes(live[index], value))
    );
  if (typeof wanted !== 'object' || wanted === null) return live === wanted;
  if (typeof live !== 'object' || live === null) return false;
  return Object.entries(wanted).every(([key, value]) =>
    includes((live as Readonly<Record<string, unknown>>)[key], value),
  );
}

/**
 * Returns the ServiceAccount of an operator that runs in the cluster. If none runs, returns the default name of the
 * ServiceAccount, in the namespace of the operator's Lease.
 */
async function identityOf({ operatorAccounts, leases }: Lookups): Promise<OperatorIdentity> {
  const [account] = await operatorAccounts();
  if (account) return account;
  const [lease] = await leases();
  return { namespace: lease?.metadata.namespace ?? 'konstellation-system', name: operatorName };
}

/**
 * Sends a dry-run request. If the API server enforces the admission policies, they refuse this request for every user.
 */
async function checkEnforcement({ client, signal }: Lookups): Promise<Verdict> {
  const kube = await client();
  try {
    const digest = await enforcedDigest(() =>
      kube.create(linkedServiceAccounts, probeAccount, { dryRun: true, fieldManager: installer, signal }),
    );
    if (digest === shippedAdmissionDigest()) return ok();
    return failure(
      digest === undefined
        ? 'the API server does not enforce the policies: it admitted an account that the policies refuse'
        : 'the API server still enforces the policies of another version',
      ['Check the status of the policies: kubectl get validatingadmissionpolicies -o yaml'],
    );
  } catch (error) {
    if (isForbidden(error)) return ok('not checked, because you are not permitted to create accounts');
    throw error;
  }
}
