/** Defaulting, pruning and type checks for Konstellation's kinds, from the schemas that generate their CRDs. */
import type { z } from 'zod';
import {
  apiGroup,
  appSpec,
  appStatus,
  clusterConfigSpec,
  clusterConfigStatus,
  linkedServiceAccountSpec,
  linkedServiceAccountStatus,
  quarantineSpec,
} from '../../../src/api/index.ts';
import { isRecord } from './json.ts';
import { KubeApiError, type KubeObject, type Resource } from '../../../src/kube/index.ts';

const schemas: Readonly<Record<string, { readonly spec: z.ZodType; readonly status?: z.ZodType }>> = {
  clusterconfigs: { spec: clusterConfigSpec, status: clusterConfigStatus },
  linkedserviceaccounts: { spec: linkedServiceAccountSpec, status: linkedServiceAccountStatus },
  apps: { spec: appSpec, status: appStatus },
  quarantines: { spec: quarantineSpec },
};

/**
 * @param keepsUnknown whether to keep fields that the schema does not have, as the schema of a later version would
 * @throws KubeApiError 422
 */
export function specOf(
  resource: Resource,
  object: KubeObject & { readonly spec?: unknown },
  keepsUnknown = false,
): unknown {
  const schema = resource.group === apiGroup ? schemas[resource.plural]?.spec : undefined;
  if (!schema) return object.spec;
  const result = schema.safeParse(object.spec);
  if (result.success) return keepsUnknown ? withUnknown(result.data, object.spec) : result.data;
  const message = `${resource.kind} "${object.metadata.name}" is invalid: ${result.error.message}`;
  throw new KubeApiError({ code: 422, reason: 'Invalid', message });
}

/** @throws KubeApiError 422 */
export function statusOf(resource: Resource, status: unknown): unknown {
  const schema = resource.group === apiGroup ? schemas[resource.plural]?.status : undefined;
  if (!schema) return status;
  const result = schema.safeParse(status);
  if (result.success) return result.data;
  const message = `${resource.kind} is invalid: status: ${result.error.message}`;
  throw new KubeApiError({ code: 422, reason: 'Invalid', message });
}

/** Returns the parsed value together with the fields of `given` that parsing dropped. */
function withUnknown(parsed: unknown, given: unknown): unknown {
  if (!isRecord(parsed) || !isRecord(given)) return parsed;
  const fields = Object.entries(given).map(([name, value]) =>
    name in parsed ? [name, withUnknown(parsed[name], value)] : [name, value],
  );
  return { ...parsed, ...(Object.fromEntries(fields) as object) };
}
