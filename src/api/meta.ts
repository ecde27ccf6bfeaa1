/** Schemas that several kinds share: conditions and patterns of names. */
import { z } from 'zod';

import { reasonPattern, type Condition } from '../k8s/conditions.ts';

/** DNS label (RFC 1123), as in names of namespaces. */
export const dnsLabelPattern = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$';

export const dnsLabel = z.string().min(1).max(63).regex(new RegExp(dnsLabelPattern));

/** DNS subdomain (RFC 1123), as in names of ServiceAccounts. */
export const dnsSubdomain = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);

/** A condition as the Kubernetes API conventions define it. */
const condition = z.object({
  type: z.string().max(316),
  status: z.enum(['True', 'False', 'Unknown']),
  observedGeneration: z.int().min(0).optional(),
  lastTransitionTime: z.string().meta({ format: 'date-time' }),
  reason: z.string().max(1024).regex(reasonPattern),
  message: z.string().max(32768),
}) satisfies z.ZodType<Condition>;

export const conditions = z
  .array(condition)
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] });

/** List with unique values, which Kubernetes enforces. */
export function setOf<T extends z.ZodType>(item: T, limits: { min?: number; max: number }): z.ZodArray<T> {
  const list = z.array(item).max(limits.max).meta({ 'x-kubernetes-list-type': 'set' });
  return limits.min === undefined ? list : list.min(limits.min);
}
