/** Schemas that several kinds share. */
import { z } from 'zod';
import { reasonPattern, type Condition } from '../k8s/conditions.ts';

/** Schema of an integer from `min` to `max`. */
export const integer = (min: number, max: number): z.ZodInt => z.int().min(min).max(max);

/** Schema of a string with `min` to `max` characters. */
export function text(min: number, max: number, pattern?: RegExp): z.ZodString {
  const any = z.string().min(min).max(max);
  return pattern ? any.regex(pattern) : any;
}

/** Schema of a list whose items are distinguished by the field `key`. */
export const mapOf = <T extends z.ZodType>(item: T, key: string): z.ZodArray<T> =>
  z.array(item).meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] });

/** Validation rule in CEL, which the API server evaluates. */
export const rule = (expression: string, message: string): Record<string, unknown> => ({
  'x-kubernetes-validations': [{ rule: expression, message }],
});

/** DNS label (RFC 1123), as in names of namespaces. */
export const dnsLabel = text(1, 63, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);

/** DNS subdomain (RFC 1123), as in names of ServiceAccounts. */
export const dnsSubdomain = text(1, 253).regex(
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
);

/** A condition as the Kubernetes API conventions define it. */
const condition = z.object({
  type: z.string().max(316).describe('Type of the condition.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Whether the condition holds.'),
  observedGeneration: z
    .int()
    .min(0)
    .optional()
    .describe('Generation of the spec that the condition describes.'),
  lastTransitionTime: z
    .string()
    .meta({ format: 'date-time' })
    .describe('Time of the last change of the status.'),
  reason: z.string().max(1024).regex(reasonPattern).describe('Reason of the status, one word.'),
  message: z.string().max(32768).describe('Explanation of the status, as a sentence.'),
}) satisfies z.ZodType<Condition>;

export const conditions = mapOf(condition, 'type');

/** `observedGeneration` of a status that the API server set by default. No object has this generation. */
export const unobserved = -1;

export const observedGeneration = z
  .int()
  .optional()
  .describe(
    `Generation of the spec that this status describes; ${unobserved} until the operator has processed the object.`,
  );

/**
 * Status of an object that the operator has not processed. Contains `observedGeneration`, because kstatus reports an
 * object without this field as ready.
 * https://pkg.go.dev/sigs.k8s.io/cli-utils/pkg/kstatus
 */
export const defaultStatus = { observedGeneration: unobserved } as const;

/** Schema of a list with unique values. The API server enforces the uniqueness. */
export function setOf<T extends z.ZodType>(item: T, limits: { min?: number; max: number }): z.ZodArray<T> {
  const list = z.array(item).max(limits.max).meta({ 'x-kubernetes-list-type': 'set' });
  return limits.min === undefined ? list : list.min(limits.min);
}
