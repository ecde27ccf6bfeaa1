/**
 * The webhook's cache of Pod Identity associations. On EKS, a new association appears within seconds in a file that the
 * webhook watches. Here the webhook polls the emulator, which causes a similar delay.
 */
import { z } from 'zod';
import type { SetTimer } from '../../../src/kube/index.ts';
import { loopbackRequest } from '../loopback.ts';
import type { ServiceAccountRef } from './service-accounts.ts';

export type Associations = {
  has(ref: ServiceAccountRef): boolean;
  /** Whether the associations have been read at least once. */
  known(): boolean;
};

const intervalMs = 500;
const requestTimeoutMs = 5_000;

/** Format of the associations that the EKS webhook reads (pkg/containercredentials/types.go). */
const identities = z.object({
  identities: z.array(z.object({ namespace: z.string(), serviceAccount: z.string() })),
});

export function followAssociations(options: {
  readonly url: string | undefined;
  readonly setTimer: SetTimer;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}): Associations {
  const { url, setTimer, log, signal } = options;
  let known: ReadonlySet<string> | undefined = url === undefined ? new Set() : undefined;
  let failing = false;

  const read = async (from: string): Promise<void> => {
    try {
      const timeout = AbortSignal.timeout(requestTimeoutMs);
      const { status, body } = await loopbackRequest(from, { signal: AbortSignal.any([signal, timeout]) });
      if (status !== 200) throw new Error(`${from} answered ${status}`);
      const found = identities.parse(JSON.parse(body)).identities;
      known = new Set(found.map((each) => keyOf({ namespace: each.namespace, name: each.serviceAccount })));
      failing = false;
    } catch (error) {
      if (signal.aborted) return;
      // Keeps the cache unchanged when a read fails.
      if (!failing) log(`associations could not be read: ${String(error)}`);
      failing = true;
    }
    const cancel = setTimer(() => void read(from), intervalMs);
    signal.addEventListener('abort', cancel, { once: true });
  };
  if (url !== undefined) void read(url);

  return { has: (ref) => known?.has(keyOf(ref)) === true, known: () => known !== undefined };
}

const keyOf = ({ namespace, name }: ServiceAccountRef): string => `${namespace}/${name}`;
