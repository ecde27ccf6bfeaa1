/**
 * The webhook's knowledge of ServiceAccounts: a cache fed by a watch, as the real one has it. A pod that is made straight
 * after its ServiceAccount may therefore be missed, and one whose ServiceAccount was annotated a moment ago too; who
 * builds on the webhook has to live with that, so it must not be better in here.
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

/** Undefined: unknown, even after having waited for it where that was asked for. */
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
    // Known without a role is an answer: it is not asked whether a role was annotated meanwhile.
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
        // Any other failure may pass within the time, and the watch may bring it too.
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
