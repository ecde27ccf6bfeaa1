/**
 * Leases by which operators take turns, and whether their holders are alive. Only times that the API server wrote are
 * compared: the clocks of this machine and of the operator may be wrong.
 */
import { isForbidden, resources, type KubeClient, type Lease } from '../../kube/index.ts';

export const operatorLease = 'konstellation';

export type LeaseSign = {
  /** `NAMESPACE/NAME` */
  readonly where: string;
  /** Empty when the last holder gave it back. */
  readonly holder: string;
  /** Since the last renewal, in milliseconds; Infinity when there was none. */
  readonly age: number;
  readonly fresh: boolean;
};

/** Times of the API server are cut to the second. Milliseconds. */
const resolutionMs = 2_000;

export async function listLeases(client: KubeClient, signal: AbortSignal): Promise<readonly Lease[]> {
  const selection = { fieldSelector: `metadata.name=${operatorLease}`, signal };
  return (await client.list<Lease>(resources.leases, selection)).items;
}

/** The API server's clock, in milliseconds since the epoch; undefined when it does not give it. */
export async function serverTime(client: KubeClient, signal: AbortSignal): Promise<number | undefined> {
  const { headers } = await client.raw({ method: 'GET', path: '/version', signal });
  const time = Date.parse(headers['date'] ?? '');
  return Number.isNaN(time) ? undefined : time;
}

/** @param now of the API server */
export function leaseSign(lease: Lease, now: number): LeaseSign {
  const { holderIdentity: holder = '', leaseDurationSeconds = 15 } = lease.spec ?? {};
  const written = lastWrite(lease);
  const age = written === undefined ? Infinity : Math.max(0, now - written);
  return {
    where: `${lease.metadata.namespace}/${lease.metadata.name}`,
    holder,
    age,
    fresh: holder !== '' && age < leaseDurationSeconds * 1000 + resolutionMs,
  };
}

/** When the API server stored the last renewal; what the holder's own clock said of it where that is not recorded. */
function lastWrite({ metadata, spec }: Lease): number | undefined {
  const times = (metadata.managedFields ?? []).flatMap(({ time, fieldsV1 }) => {
    const written = fieldsV1?.['f:spec'];
    const renews = typeof written === 'object' && written !== null && 'f:renewTime' in written;
    return renews && time !== undefined ? Date.parse(time) : [];
  });
  if (times.length > 0) return Math.max(...times);
  return spec?.renewTime === undefined ? undefined : Date.parse(spec.renewTime);
}

/** A sentence when no operator is alive; undefined when one is, or when that may not be looked at. */
export async function missingOperator(client: KubeClient, signal: AbortSignal): Promise<string | undefined> {
  try {
    const [leases, now] = await Promise.all([listLeases(client, signal), serverTime(client, signal)]);
    if (now === undefined) return undefined;
    const signs = leases.map((lease) => leaseSign(lease, now));
    if (signs.some(({ fresh }) => fresh)) return undefined;
    return 'No operator runs on this cluster according to its Lease: nothing happens until one does.';
  } catch (error) {
    if (isForbidden(error)) return undefined;
    throw error;
  }
}
