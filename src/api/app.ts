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

/** CEL rule for the API server. */
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
          'valueFrom takes exactly one of secretKeyRef, configMapKeyRef and fieldRef',
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
  port: z.int().min(1).max(65535).describe('The port the container listens on, and the Service offers.'),
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
      'a probe takes exactly one of httpGet, tcpSocket and exec',
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
      .describe('The least number of replicas; the number when max is absent.'),
    max: z.int().min(1).max(10000).optional().describe('The most replicas an autoscaler may reach.'),
    targetCPUUtilizationPercentage: z.int().min(1).max(1000).optional(),
  })
  .meta(rule('!has(self.max) || self.max >= self.min', 'max must not be less than min'));

const ingress = z.object({
  hosts: z.array(z.string().min(1).max(253)).min(1).max(50),
  paths: z.array(z.string().min(1).max(1024)).max(50).optional(),
  port: z.string().max(15).optional().describe('The name of the port that serves it. The first when absent.'),
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
    .describe(
      'The folder in which each key is a file. Without it, each key is a variable of the environment.',
    ),
  data: z
    .record(z.string(), z.string().max(262144))
    .meta({ maxProperties: 64 })
    .optional()
    .describe('Files or variables, by name. Not for secrets: whoever may read the app reads it.'),
});

const dependency = z.object({
  name: dnsLabel.describe('The app that is called.'),
  target: dnsLabel.optional().describe('Where it is called; on the same target when absent.'),
  port: z.string().max(15).optional().describe('The name of one of its ports. All of them when absent.'),
});

const appTarget = z.object({
  name: dnsLabel.describe('A target of the ClusterConfig.'),
  env: mapOf(envVar, 'name', 256).optional().describe('Added to the common env; the same name replaces.'),
  configs: mapOf(config, 'name', 16)
    .optional()
    .describe('Added to the common configs; of the same name, a key replaces the common one.'),
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
    .describe('Put before the image: 123456789012.dkr.ecr.us-west-2.amazonaws.com.'),
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
    .describe('Files and variables that the pods are given; a change of them rolls the pods.'),
  dependencies: z
    .array(dependency)
    .max(64)
    .optional()
    .describe(
      'Other apps that this one calls: their addresses become variables, NAME_PORT_HOST=name.target.svc:port.',
    ),
  serviceAccount: dnsSubdomain
    .optional()
    .describe('The LinkedServiceAccount whose AWS permissions the pods of this app hold.'),
  imagePullSecrets: z.array(dnsSubdomain).max(16).optional(),
  resources: resources.optional(),
  probes: probes.optional(),
  scale: scale.optional(),
  targets: mapOf(appTarget, 'name', 100).min(1).describe('Where the app runs.'),
});

const appTargetStatus = z.object({
  name: z.string(),
  state: z.enum(['Progressing', 'Ready', 'WaitingForIdentity', 'Halted', 'Failed']),
  image: z.string().optional(),
  revision: z.string().optional(),
  replicas: z.int().optional(),
  readyReplicas: z.int().optional(),
  roleArn: z.string().optional().describe("The role whose identity this target's pods are given."),
  identityCurrent: z
    .boolean()
    .optional()
    .describe('Every running pod holds the identity that is wanted now.'),
  reason: z.string().optional(),
  message: z.string().optional(),
});

export const appStatus = z.object({
  observedGeneration: z.int().optional(),
  targets: mapOf(appTargetStatus, 'name', 100).optional(),
  ready: z.string().optional().describe('Targets that are ready, of those that are wanted: 2/2.'),
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
