/** What all three kinds share: metadata, conditions, and the patterns of names. */
import { z } from 'zod';

/** The part of Kubernetes' ObjectMeta that this project reads. */
export type ObjectMeta = {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
};

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
export const condition = z.object({
  type: z.string().max(316),
  status: z.enum(['True', 'False', 'Unknown']),
  observedGeneration: z.int().min(0).optional(),
  lastTransitionTime: z.string().meta({ format: 'date-time' }),
  reason: z
    .string()
    .max(1024)
    .regex(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/),
  message: z.string().max(32768),
});

export type Condition = z.infer<typeof condition>;

export const conditions = z
  .array(condition)
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] });

/** A list which is a set: Kubernetes refuses a second entry of the same value. */
export function setOf<T extends z.ZodType>(item: T, limits: { min?: number; max: number }): z.ZodArray<T> {
  const list = z.array(item).max(limits.max).meta({ 'x-kubernetes-list-type': 'set' });
  return limits.min === undefined ? list : list.min(limits.min);
}

export function conditionOf(list: readonly Condition[] | undefined, type: string): Condition | undefined {
  return list?.find((entry) => entry.type === type);
}
