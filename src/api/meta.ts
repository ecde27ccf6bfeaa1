/** What all three kinds share: metadata, conditions, and the patterns of names. */
import { z } from 'zod';

import { reasonPattern, type Condition } from '../k8s/conditions.ts';

/** A DNS label, RFC 1123: what Kubernetes takes as the name of a namespace. */
export const dnsLabelPattern = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$';

export const dnsLabel = z.string().min(1).max(63).regex(new RegExp(dnsLabelPattern));

/** A DNS subdomain, RFC 1123: what Kubernetes takes as the name of a ServiceAccount. */
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

/** A list which is a set: Kubernetes refuses a second entry of the same value. */
export function setOf<T extends z.ZodType>(item: T, limits: { min?: number; max: number }): z.ZodArray<T> {
  const list = z.array(item).max(limits.max).meta({ 'x-kubernetes-list-type': 'set' });
  return limits.min === undefined ? list : list.min(limits.min);
}
