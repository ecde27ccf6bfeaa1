/**
 * Finds the Leases of operators, and determines whether their holders are alive. Measures the age of the last renewal
 * by the API server's clock, because the clocks of this machine and of the operator may be wrong.
 */
import { resources, type KubeClient, type Lease } from '../../kube/index.ts';
import { unlessDenied } from '../framework/denied.ts';

export const operatorLease = 'konstellation';

export type LeaseSign = {
  /** `NAMESPACE/NAME` */
  readonly where: string;
  /** Identity of the holder; empty if the last holder released the Lease. */
  readonly holder: string;
  /** Milliseconds since the last renewal; Infinity if the Lease was never renewed. */
  readonly age: number;
  readonly fresh: boolean;
};

/** Milliseconds added to the duration of a Lease, because the API server's timestamps have whole seconds. */
const resolutionMs = 2_000;

export async function listLeases(client: KubeClient, signal: AbortSignal): Promise<readonly Lease[]> {
  const selection = { fieldSelector: `metadata.name=${operatorLease}`, signal };
  return (await client.list<Lease>(resources.leases, selection)).items;
}

/** Returns the time of the API server in milliseconds since the epoch; undefined if its response has no Date header. */
export async function serverTime(client: KubeClient, signal: AbortSignal): Promise<number | undefined> {
  const { headers } = await client.raw({ method: 'GET', path: '/version', signal });
  const time = Date.parse(headers['date'] ?? '');
  return Number.isNaN(time) ? undefined : time;
}

/** @param now time of the API server */
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

/**
 * Returns the time when the API server stored the last renewal, or the holder's own `renewTime` if the managed fields
 * do not contain that time.
 */
function lastWrite({ metadata, spec }: Lease): number | undefined {
  const times = (metadata.managedFields ?? []).flatMap(({ time, fieldsV1 }) => {
    const written = fieldsV1?.['f:spec'];
    const renews = typeof written === 'object' && written !== null && 'f:renewTime' in written;
    return renews && time !== undefined ? Date.parse(time) : [];
  });
  if (times.length > 0) return Math.max(...times);
  return spec?.renewTime === undefined ? undefined : Date.parse(spec.renewTime);
}

/**
 * Whether an operator is alive; `unknown` if the API server's response has no date, so that no Lease has a known age.
 */
export async function operatorState(
  client: KubeClient,
  signal: AbortSignal,
): Promise<'running' | 'missing' | 'unknown'> {
  const [leases, now] = await Promise.all([listLeases(client, signal), serverTime(client, signal)]);
  if (now === undefined) return 'unknown';
  return leases.some((lease) => leaseSign(lease, now).fresh) ? 'running' : 'missing';
}

/**
 * Returns a sentence which reports that no operator is alive. Returns undefined if an operator is alive, if its state
 * is unknown, or if the user is not permitted to read the Leases.
 */
export async function missingOperator(client: KubeClient, signal: AbortSignal): Promise<string | undefined> {
  return (await unlessDenied(operatorState(client, signal))) === 'missing'
    ? 'The Lease of the operator shows that no operator runs on this cluster. Changes take effect only while an operator runs.'
    : undefined;
}
