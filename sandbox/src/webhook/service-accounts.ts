/**
 * The webhook's cache of ServiceAccounts, filled by a watch as in the real webhook. If a pod is created right after its
 * ServiceAccount, or right after the annotation was added, the webhook can therefore fail to inject the identity. Users
 * of the real webhook have to handle this case, so the sandbox must not behave better.
 */
import {
  type Informer,
  isNotFound,
  type KubeClient,
  type KubeObject,
  resources,
  type SetTimer,
} from '../../../src/kube/index.ts';
import type { ServiceAccount } from './mutate.ts';

export type ServiceAccountRef = { readonly namespace: string; readonly name: string };

/**
 * Looks up a ServiceAccount in the cache. With `wait`, a missing ServiceAccount is also read from the API server, and
 * the lookup waits for it briefly. Returns undefined if the ServiceAccount is not found.
 */
export type ServiceAccountLookup = (
  ref: ServiceAccountRef,
  options?: { readonly wait: boolean },
) => Promise<ServiceAccount | undefined>;

/** EKS starts the webhook with `--service-account-lookup-grace-period=100ms`. */
const graceMs = 100;

export function lookupThroughCache(options: {
  readonly informer: Informer<KubeObject>;
  readonly client: Pick<KubeClient, 'get'>;
  readonly setTimer: SetTimer;
}): ServiceAccountLookup {
  const { informer, client, setTimer } = options;
  return async (ref, { wait } = { wait: true }) => {
    const key = `${ref.namespace}/${ref.name}`;
    const known = informer.store.get(key);
    // A cached ServiceAccount without a role is final: the webhook does not check whether a newer version has the
    // annotation.
    if (known !== undefined || !wait) return known;
    const abort = new AbortController();
    const arrival = Promise.withResolvers<ServiceAccount | undefined>();
    const cancelTimer = setTimer(() => arrival.resolve(undefined), graceMs);
    const stopListening = informer.onChange((change) => {
      if (change.key === key && change.new !== undefined) arrival.resolve(change.new);
    });
    client.get(resources.serviceAccounts, ref, { signal: abort.signal }).then(
      (found) => arrival.resolve(found),
      (error: unknown) => {
        if (isNotFound(error)) arrival.resolve(undefined);
        // Failures other than NotFound are ignored, because they can be transient and the watch might still deliver the
        // ServiceAccount in time.
      },
    );
    try {
      return await arrival.promise;
    } finally {
      cancelTimer();
      stopListening();
      abort.abort();
    }
  };
}
