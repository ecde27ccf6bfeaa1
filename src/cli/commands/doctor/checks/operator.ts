/** Checks whether an operator runs and works on this cluster. */
import { findCondition } from '../../../../k8s/conditions.ts';
import { outdatedCondition } from '../../../../identity/index.ts';
import { resources, type KubeObject } from '../../../../kube/index.ts';
import { uninstallingPolicy } from '../../../../rbac/index.ts';
import { formatAge } from '../../../framework/duration.ts';
import { leaseSign } from '../../../cluster/operator-lease.ts';
import { failure, ok, warning, type Checks } from '../check.ts';
import { admissionCheck } from './admission.ts';

export const operatorChecks = {
  'operator-leads': async ({ leases, serverNow, config }) => {
    const [found, now] = [await leases(), await serverNow()];
    // Ignores read errors. Without the CRDs, the ClusterConfig cannot be read, but the check of the CRDs reports the
    // missing CRDs.
    const status = (await config().catch(() => undefined))?.status;
    const outdated = findCondition(status?.conditions, outdatedCondition);
    const signs = found.map((lease) => leaseSign(lease, now));
    const fresh = signs.filter((sign) => sign.fresh);
    if (fresh.length > 1)
      return failure('operators hold different Leases and do not coordinate', [
        ...fresh.map(({ where, holder }) => `${where}: ${holder}`),
        'Use the same namespace for the Leases of all operators: kon operator --lease-namespace',
      ]);
    if (fresh[0] && outdated?.status === 'False')
      return failure(`${fresh[0].holder} (${fresh[0].where}): ${outdated.message} (${outdated.reason})`, [
        'Upgrade the operator to the version of the CRDs: kon install, or helm upgrade',
      ]);
    if (fresh[0]) return ok(`${fresh[0].holder} (${fresh[0].where})`);
    const [last] = signs.toSorted((a, b) => a.age - b.age);
    if (!last)
      return failure('no operator has ever led on this cluster', [
        'Install the operator: kon install; or run it on this machine: kon operator',
      ]);
    return failure(
      last.holder === ''
        ? `the last operator released the Lease ${last.where}`
        : `${last.holder} has not renewed the Lease ${last.where} for ${formatAge(last.age)}`,
      ['Check the log of the operator, or run it on this machine: kon operator'],
    );
  },
  'operator-deployment': async ({ operators }) => {
    const found = await operators();
    if (found.length === 0) return ok('no Deployment of the operator in this cluster');
    const short = found.filter(({ spec, status }) => (status?.readyReplicas ?? 0) < (spec?.replicas ?? 1));
    const describe = ({ metadata, spec, status }: (typeof found)[number]): string =>
      `${metadata.namespace}/${metadata.name}: ${status?.readyReplicas ?? 0} of ${spec?.replicas ?? 1} pods are ready`;
    if (short.length === 0) return ok(found.map(describe).join(', '));
    const none = short.some(({ status }) => (status?.readyReplicas ?? 0) === 0);
    return (none ? failure : warning)('some pods are not ready', short.map(describe));
  },
  admission: admissionCheck,
  uninstalling: async ({ client, signal }) => {
    const { name } = uninstallingPolicy.metadata;
    const kube = await client();
    const { items } = await kube.list<KubeObject>(resources.validatingAdmissionPolicies, {
      fieldSelector: `metadata.name=${name}`,
      signal,
    });
    return items.length === 0
      ? ok()
      : failure(
          `the admission policy ${name} of kon uninstall still refuses new accounts, apps and ClusterConfigs`,
          [
            'If no kon uninstall runs now, finish the uninstallation: kon uninstall; or keep Konstellation: kon install',
          ],
        );
  },
} satisfies Checks;
