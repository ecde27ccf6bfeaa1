/** App: a program, its targets, and the account with its AWS permissions. */
import { z } from 'zod';
import { conditions, dnsLabel, dnsSubdomain } from './meta.ts';
import type { ObjectMeta } from '../k8s/metadata.ts';
import type { apiVersion } from './resources.ts';

const mapOf = <T extends z.ZodType>(item: T, key: string, max: number): z.ZodArray<T> =>
  z
    .array(item)
    .max(max)
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] });

/** CEL rule that the API server evaluates. */
const rule = (expression: string, message: string): Record<string, unknown> => ({
  'x-kubernetes-validations': [{ rule: expression, message }],
});

/** A Kubernetes quantity: 500m, 128Mi, 2. */
const quantity = z
  .string()
  .max(32)
  .regex(/^([0-9]+(\.[0-9]+)?|\.[0-9]+)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/);

const envVar = z
  .object({
    name: z
      .string()
      .min(1)
      .max(253)
      .regex(/^[-._a-zA-Z][-._a-zA-Z0-9]*$/),
    value: z.string().max(32768).optional(),
    valueFrom: z
      .object({
        secretKeyRef: z.object({ name: dnsSubdomain, key: z.string().min(1).max(253) }).optional(),
        configMapKeyRef: z.object({ name: dnsSubdomain, key: z.string().min(1).max(253) }).optional(),
        fieldRef: z.object({ fieldPath: z.string().min(1).max(253) }).optional(),
      })
      .meta(
        rule(
          '[has(self.secretKeyRef), has(self.configMapKeyRef), has(self.fieldRef)].filter(set, set).size() == 1',
          'valueFrom needs exactly one of secretKeyRef, configMapKeyRef and fieldRef',
        ),
      )
      .optional(),
  })
  .meta(rule('!has(self.value) || !has(self.valueFrom)', 'a variable has a value or a valueFrom, not both'));

const port = z.object({
  name: z
    .string()
    .min(1)
    .max(15)
    .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/),
  port: z.int().min(1).max(65535).describe('Port of the container and of the Service.'),
  protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP'),
});

const resources = z.object({
  requests: z.record(z.string(), quantity).meta({ maxProperties: 16 }).optional(),
  limits: z.record(z.string(), quantity).meta({ maxProperties: 16 }).optional(),
});

const probe = z
  .object({
    httpGet: z
      .object({ path: z.string().min(1).max(1024).default('/'), port: z.int().min(1).max(65535) })
      .optional(),
    tcpSocket: z.object({ port: z.int().min(1).max(65535) }).optional(),
    exec: z.object({ command: z.array(z.string().max(4096)).min(1).max(64) }).optional(),
    initialDelaySeconds: z.int().min(0).max(86400).optional(),
    periodSeconds: z.int().min(1).max(86400).optional(),
    timeoutSeconds: z.int().min(1).max(86400).optional(),
    failureThreshold: z.int().min(1).max(1000).optional(),
    successThreshold: z.int().min(1).max(1000).optional(),
  })
  .meta(
    rule(
      '[has(self.httpGet), has(self.tcpSocket), has(self.exec)].filter(set, set).size() == 1',
      'a probe needs exactly one of httpGet, tcpSocket and exec',
    ),
  );

const probes = z.object({
  liveness: probe.optional(),
  readiness: probe.optional(),
  startup: probe.optional(),
});

const scale = z
  .object({
    min: z
      .int()
      .min(0)
      .max(10000)
      .default(1)
      .describe('Minimum number of replicas; the fixed number without max.'),
    max: z.int().min(1).max(10000).optional().describe('Maximum number of replicas for the autoscaler.'),
    targetCPUUtilizationPercentage: z.int().min(1).max(1000).optional(),
  })
  .meta(rule('!has(self.max) || self.max >= self.min', 'max must not be less than min'));

const ingress = z.object({
  hosts: z.array(z.string().min(1).max(253)).min(1).max(50),
  paths: z.array(z.string().min(1).max(1024)).max(50).optional(),
  port: z
    .string()
    .max(15)
    .optional()
    .describe('Name of the port that serves the Ingress (default: the first).'),
  className: dnsSubdomain.optional(),
  annotations: z.record(z.string(), z.string().max(4096)).meta({ maxProperties: 64 }).optional(),
});

const config = z.object({
  name: dnsLabel.max(40),
  mountPath: z
    .string()
    .min(2)
    .max(1024)
    .regex(/^\/[^:]+$/)
    .optional()
    .describe('Folder where each key is a file. Without it, each key is an environment variable.'),
  data: z
    .record(z.string(), z.string().max(262144))
    .meta({ maxProperties: 64 })
    .optional()
    .describe('Files or variables, by name. Not for secrets: everyone who may read the app can read them.'),
});

const dependency = z.object({
  name: dnsLabel.describe('Name of the other app.'),
  target: dnsLabel.optional().describe('Target of the other app (default: the same target).'),
  port: z.string().max(15).optional().describe('Name of one of its ports (default: all).'),
});

const appTarget = z.object({
  name: dnsLabel.describe('A target of the ClusterConfig.'),
  env: mapOf(envVar, 'name', 256)
    .optional()
    .describe('Merged into the common env; a variable of the same name is replaced.'),
  configs: mapOf(config, 'name', 16)
    .optional()
    .describe('Merged into the common configs by name; a key replaces the common one.'),
  scale: scale.optional(),
  resources: resources.optional(),
  probes: probes.optional(),
  ingress: ingress.optional(),
  deployMode: z.enum(['latest', 'halt']).default('latest').describe('halt scales to zero.'),
});

export const appSpec = z.object({
  registry: z
    .string()
    .max(253)
    .optional()
    .describe('Prefix of the image, for example 123456789012.dkr.ecr.us-west-2.amazonaws.com.'),
  image: z.string().min(1).max(512),
  imageTag: z
    .string()
    .max(128)
    .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/)
    .optional(),
  ports: mapOf(port, 'name', 32).optional(),
  command: z.array(z.string().max(4096)).max(256).optional(),
  args: z.array(z.string().max(4096)).max(256).optional(),
  env: mapOf(envVar, 'name', 256).optional(),
  configs: mapOf(config, 'name', 16)
    .optional()
    .describe('Files and variables for the pods; a change rolls the pods.'),
  dependencies: z
    .array(dependency)
    .max(64)
    .optional()
    .describe(
      'Apps that this one depends on. Their addresses become variables: NAME_PORT_HOST=name.target.svc:port.',
    ),
  serviceAccount: dnsSubdomain
    .optional()
    .describe("LinkedServiceAccount whose AWS permissions the app's pods hold."),
  imagePullSecrets: z.array(dnsSubdomain).max(16).optional(),
  resources: resources.optional(),
  probes: probes.optional(),
  scale: scale.optional(),
  targets: mapOf(appTarget, 'name', 100).min(1).describe('Targets of the app.'),
});

const appTargetStatus = z.object({
  name: z.string(),
  state: z.enum(['Progressing', 'Ready', 'WaitingForIdentity', 'Halted', 'Failed']),
  image: z.string().optional(),
  revision: z.string().optional(),
  replicas: z.int().optional(),
  readyReplicas: z.int().optional(),
  roleArn: z.string().optional().describe("Role of this target's pods."),
  identityCurrent: z.boolean().optional().describe('Every running pod holds the current identity.'),
  reason: z.string().optional(),
  message: z.string().optional(),
});

export const appStatus = z.object({
  observedGeneration: z.int().optional(),
  targets: mapOf(appTargetStatus, 'name', 100).optional(),
  ready: z.string().optional().describe('Ready targets of all desired targets: 2/2.'),
  conditions: conditions.optional(),
});

export type AppSpec = z.infer<typeof appSpec>;
export type AppStatus = z.infer<typeof appStatus>;
export type AppTarget = z.infer<typeof appTarget>;
export type AppTargetStatus = z.infer<typeof appTargetStatus>;
export type Config = z.infer<typeof config>;
export type Dependency = z.infer<typeof dependency>;
export type EnvVar = z.infer<typeof envVar>;
export type Probe = z.infer<typeof probe>;
export type Probes = z.infer<typeof probes>;
export type Scale = z.infer<typeof scale>;

export type App = {
  readonly apiVersion: typeof apiVersion;
  readonly kind: 'App';
  readonly metadata: ObjectMeta;
  readonly spec: AppSpec;
  readonly status?: AppStatus;
};

/** Condition types of an App. `Ready` summarizes the others. */
export const appConditionTypes = ['Ready', 'IdentityReady', 'Available'] as const;
export type AppConditionType = (typeof appConditionTypes)[number];
