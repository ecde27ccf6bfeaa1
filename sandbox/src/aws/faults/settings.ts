/** Fault settings as data, for tests and HTTP requests. */
import { z } from 'zod';

const milliseconds = z.number().min(0).max(600_000);

/** A fixed number, or `[least, most]` for a uniform distribution over calls. */
const span = z.union([milliseconds, z.tuple([milliseconds, milliseconds])]);

const service = z.enum(['iam', 'sts', 'eks', 'eks-auth', 's3']);
const rate = z.number().min(0).max(1);

const rule = z
  .strictObject({
    service,
    /** Operation, with the wildcards `*` and `?` (default: any operation). */
    action: z.string().optional(),
    /** ARN of the call's resource, with wildcards (default: any resource). */
    resource: z.string().optional(),
    /** Number of calls that the rule applies to before it is removed (default: no limit). */
    times: z.int().min(1).optional(),
    error: z
      .strictObject({
        code: z.string(),
        message: z.string().optional(),
        status: z.int().min(400).max(599).optional(),
      })
      .optional(),
    latencyMs: span.optional(),
    /** Closes the connection without a response: before or after the call is executed. */
    drop: z.enum(['beforeCall', 'afterCall']).optional(),
  })
  .refine((given) => given.error !== undefined || given.latencyMs !== undefined || given.drop !== undefined, {
    message: 'a rule must set error, latencyMs or drop',
  });

export const faultSettings = z.strictObject({
  /** Seed of the random numbers; the same seed repeats a run. */
  seed: z.int().default(1),
  /** Latency added to every call. */
  latencyMs: span.default(0),
  /**
   * Token buckets. A call takes a token from every bucket that lists its service, and is throttled if any of these
   * buckets is empty.
   */
  throttles: z
    .array(
      z.strictObject({
        services: z.array(service).min(1).default(['iam']),
        ratePerSecond: z.number().positive(),
        burst: z.number().min(1),
      }),
    )
    .default([]),
  /** Fraction of calls that fail with the service's internal error and have no effect. */
  errorRate: rate.default(0),
  /** Fraction of state-changing calls that are executed but get no response. */
  lostResponseRate: rate.default(0),
  /** Delay until STS and the authorization of all services see a change in IAM. */
  propagationMs: milliseconds.default(0),
  /** Age of the state that IAM's Get and List actions and GetAccountAuthorizationDetails return. */
  readStalenessMs: span.default(0),
  /** The first rule that matches a call applies. */
  rules: z.array(rule).default([]),
});

export type FaultSettings = z.output<typeof faultSettings>;
export type FaultSettingsInput = z.input<typeof faultSettings>;
export type FaultRule = FaultSettings['rules'][number];
export type Span = FaultSettings['latencyMs'];

/** Maximum age of the state that a read returns; older versions are discarded. */
export const maxStalenessMs = 600_000;
