/** The weather that can be set: what may go wrong, as data that a test or an HTTP request can hand over. */
import { z } from 'zod';

const milliseconds = z.number().min(0).max(600_000);

/** A fixed number, or `[least, most]` from which each call draws evenly. */
const span = z.union([milliseconds, z.tuple([milliseconds, milliseconds])]);

const service = z.enum(['iam', 'sts', 'eks', 'eks-auth', 's3']);
const rate = z.number().min(0).max(1);

const rule = z
  .strictObject({
    service,
    /** The operation, `*` and `?` as wildcards; absent: any. */
    action: z.string().optional(),
    /** The ARN the call is about, with wildcards; absent: any. */
    resource: z.string().optional(),
    /** How often the rule acts before it goes away; absent: always. */
    times: z.int().min(1).optional(),
    error: z
      .strictObject({
        code: z.string(),
        message: z.string().optional(),
        status: z.int().min(400).max(599).optional(),
      })
      .optional(),
    latencyMs: span.optional(),
    /** Closes the connection without an answer: before anything is done, or after all of it is done. */
    drop: z.enum(['beforeCall', 'afterCall']).optional(),
  })
  .refine((given) => given.error !== undefined || given.latencyMs !== undefined || given.drop !== undefined, {
    message: 'a rule needs an error, a latency or a drop',
  });

export const faultSettings = z.strictObject({
  /** Where the random draws start, so that a run can be repeated. */
  seed: z.int().default(1),
  /** Added to every call. */
  latencyMs: span.default(0),
  /** Token buckets; a call draws from every bucket that lists its service, and is throttled when one is empty. */
  throttles: z
    .array(
      z.strictObject({
        services: z.array(service).min(1).default(['iam']),
        ratePerSecond: z.number().positive(),
        burst: z.number().min(1),
      }),
    )
    .default([]),
  /** The share of calls that fail with the service's internal error and do nothing. */
  errorRate: rate.default(0),
  /** The share of changing calls that are carried out and then never answered. */
  lostResponseRate: rate.default(0),
  /** How long STS, and authorisation everywhere, still see IAM as it was before a change. */
  propagationMs: milliseconds.default(0),
  /** How old the state is from which IAM answers Get, List and GetAccountAuthorizationDetails. */
  readStalenessMs: span.default(0),
  /** The first that fits a call acts. */
  rules: z.array(rule).default([]),
});

export type FaultSettings = z.output<typeof faultSettings>;
export type FaultSettingsInput = z.input<typeof faultSettings>;
export type FaultRule = FaultSettings['rules'][number];
export type Span = FaultSettings['latencyMs'];

/** No read is older than this, so that older versions need not be kept. */
export const maxStalenessMs = 600_000;
