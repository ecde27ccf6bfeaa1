/** Client that sends no writes, for `--dry-run=client`. Reads go to the API server. */
import { apiVersionOf } from '../../kube/resource.ts';
import type { KubeClient, KubeObject, Resource } from '../../kube/index.ts';

/**
 * Returns a client whose writes send nothing, and return the object that would be sent, without defaulting, validation
 * or admission by the API server. A write that is not a dry run is a bug and throws an error.
 */
export function withoutWrites(client: KubeClient): KubeClient {
  const sent = async <T extends KubeObject>(
    resource: Resource,
    object: T,
    write: { readonly dryRun?: boolean | undefined } | undefined,
  ): Promise<T> => {
    requireDryRun(write);
    return { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind };
  };
  return {
    ...client,
    create: sent,
    update: sent,
    apply: sent,
    patch: async <T extends KubeObject>(
      ...[resource, ref, patch, write]: Parameters<KubeClient['patch']>
    ): Promise<T> => {
      requireDryRun(write);
      if (write.type !== 'merge')
        throw new Error(`a local dry run cannot apply a patch of type ${write.type}`);
      return mergePatched(await client.get<T>(resource, ref, { signal: write.signal }), patch) as T;
    },
    delete: async (_resource, _ref, write) => requireDryRun(write),
    updateStatus: refuse,
    createToken: refuse,
    raw: (request) => (request.method === 'GET' ? client.raw(request) : refuse()),
  };
}

function requireDryRun(write: { readonly dryRun?: boolean | undefined } | undefined): void {
  if (write?.dryRun !== true) void refuse();
}

function refuse(): never {
  throw new Error('a local dry run attempted a write');
}

/** JSON merge patch: https://www.rfc-editor.org/rfc/rfc7396 */
function mergePatched(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const merged: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch))
    if (value === null) delete merged[key];
    else merged[key] = mergePatched(merged[key], value);
  return merged;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
