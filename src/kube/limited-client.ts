/** Client for bursts of work. It limits the number of its requests in flight, except watches. */
import type { KubeClient } from './kube-client.ts';
import { createSlots } from './slots.ts';

export function limitInFlight(client: KubeClient, most: number): KubeClient {
  const { run } = createSlots(most);
  return {
    ...client,
    get: (resource, ref, options) => run(() => client.get(resource, ref, options), options?.signal),
    list: (resource, options) => run(() => client.list(resource, options), options?.signal),
    create: (resource, object, options) =>
      run(() => client.create(resource, object, options), options?.signal),
    update: (resource, object, options) =>
      run(() => client.update(resource, object, options), options?.signal),
    updateStatus: (resource, object, options) =>
      run(() => client.updateStatus(resource, object, options), options?.signal),
    apply: (resource, object, options) => run(() => client.apply(resource, object, options), options.signal),
    patch: (resource, ref, patch, options) =>
      run(() => client.patch(resource, ref, patch, options), options.signal),
    delete: (resource, ref, options) => run(() => client.delete(resource, ref, options), options?.signal),
    createToken: (ref, spec, options) => run(() => client.createToken(ref, spec, options), options?.signal),
    raw: (request) => run(() => client.raw(request), request.signal),
  };
}
