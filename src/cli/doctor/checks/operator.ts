/** Whether an operator works on this cluster. */
import { formatAge } from '../../duration.ts';
import { failure, ok, warning, type Check } from '../check.ts';
import { admissionCheck } from './admission.ts';

export const operatorChecks: readonly Check[] = [
  {
    id: 'operator-leads',
    category: 'Operator',
    title: 'an operator holds the Lease and renews it',
    needs: ['api-server'],
    mayPass: true,
    run: async ({ leases, now }) => {
      const found = await leases();
      const signs = found.map((lease) => {
        const { holderIdentity = '', renewTime, leaseDurationSeconds = 15 } = lease.spec ?? {};
        const age = renewTime === undefined ? Infinity : now() - Date.parse(renewTime);
        const where = `${lease.metadata.namespace}/${lease.metadata.name}`;
        return {
          holderIdentity,
          age,
          where,
          fresh: holderIdentity !== '' && age < leaseDurationSeconds * 1000,
        };
      });
      const fresh = signs.filter((sign) => sign.fresh);
      if (fresh.length > 1)
        return failure('operators lead by different Leases, so that they do not take turns', [
          ...fresh.map(({ where, holderIdentity }) => `${where}: ${holderIdentity}`),
          'Give them one namespace: kon operator --lease-namespace',
        ]);
      if (fresh[0]) return ok(`${fresh[0].holderIdentity} (${fresh[0].where})`);
      const [last] = signs.toSorted((a, b) => a.age - b.age);
      if (!last)
        return failure('no operator has ever led on this cluster', [
          'Install it: kon install; or run it here: kon operator',
        ]);
      return failure(
        last.holderIdentity === ''
          ? `the last operator gave the Lease ${last.where} back`
          : `${last.holderIdentity} has not renewed the Lease ${last.where} for ${formatAge(last.age)}`,
        ['See its log, or run it here: kon operator'],
      );
    },
  },
  {
    id: 'operator-deployment',
    category: 'Operator',
    title: 'the operator’s pods are ready',
    needs: ['api-server'],
    mayPass: true,
    run: async ({ operators }) => {
      const found = await operators();
      if (found.length === 0) return ok('none in the cluster; it runs elsewhere, if at all');
      const short = found.filter(({ spec, status }) => (status?.readyReplicas ?? 0) < (spec?.replicas ?? 1));
      const describe = ({ metadata, spec, status }: (typeof found)[number]): string =>
        `${metadata.namespace}/${metadata.name}: ${status?.readyReplicas ?? 0} of ${spec?.replicas ?? 1} pods are ready`;
      if (short.length === 0) return ok(found.map(describe).join(', '));
      const none = short.some(({ status }) => (status?.readyReplicas ?? 0) === 0);
      return (none ? failure : warning)('not all are', short.map(describe));
    },
  },
  admissionCheck,
];
