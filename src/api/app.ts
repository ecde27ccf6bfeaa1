/** App: a program, the targets that it runs in, and the account whose AWS permissions its pods hold. */
import { z } from 'zod';
import {
  conditions,
  dnsLabel,
  dnsSubdomain,
  integer,
  mapOf,
  observedGeneration,
  rule,
  text,
} from './meta.ts';
import type { apps, KonstellationObject } from './resources.ts';

/** A Kubernetes quantity: 500m, 128Mi, 2. */
const quantity = z
  .string()
  .max(32)
  .regex(/^([0-9]+(\.[0-9]+)?|\.[0-9]+)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/);

const keyOf = (kind: 'Secret' | 'ConfigMap') =>
  z.object({
    name: dnsSubdomain.describe(`Name of the ${kind}.`),
    key: text(1, 253).describe(`Key in the ${kind}.`),
  });

const envVar = z
  .object({
    name: text(1, 253, /^[-._a-zA-Z][-._a-zA-Z0-9]*$/).describe('Name of the variable.'),
    value: z.string().max(32768).optional().describe('Value of the variable.'),
    valueFrom: z
      .object({
        secretKeyRef: keyOf('Secret').optional().describe('Key of a Secret in the target.'),
        configMapKeyRef: keyOf('ConfigMap').optional().describe('Key of a ConfigMap in the target.'),
        fieldRef: z
          .object({
            fieldPath: text(1, 253).describe('Path of the field, for example status.podIP.'),
          })
          .optional()
          .describe('Field of the pod.'),
      })
      .meta(
        rule(
          '[has(self.secretKeyRef), has(self.configMapKeyRef), has(self.fieldRef)].filter(set, set).size() == 1',
          'valueFrom needs exactly one of secretKeyRef, configMapKeyRef and fieldRef',
        ),
      )
      .optional()
      .describe('Source of the value. Set either the field valueFrom or the field value.'),
  })
  .meta(rule('!has(self.value) || !has(self.valueFrom)', 'a variable cannot have both value and valueFrom'));

const port = z.object({
  name: text(1, 15, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/).describe('Name of the port, unique in the app.'),
  port: integer(1, 65535).describe('Port of the container and of the Service.'),
  protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP').describe('Protocol of the port.'),
});

/** Quantities by the name of the compute resource, such as `cpu`. */
const quantities = z.record(z.string(), quantity).meta({ maxProperties: 16 });

const resources = z.object({
  requests: quantities
    .optional()
    .describe('Resources that the scheduler reserves for each pod, for example cpu: 100m.'),
  limits: quantities.optional().describe('Resources that each pod may use at most.'),
});

const probe = z
  .object({
    httpGet: z
      .object({
        path: text(1, 1024).default('/').describe('Path of the request.'),
        port: integer(1, 65535).describe('Number of the port.'),
      })
      .optional()
      .describe('HTTP request that must succeed.'),
    tcpSocket: z
      .object({ port: integer(1, 65535).describe('Number of the port.') })
      .optional()
      .describe('Port that must accept a connection.'),
    exec: z
      .object({ command: z.array(z.string().max(4096)).min(1).max(64).describe('Program and arguments.') })
      .optional()
      .describe('Program in the container that must exit with 0.'),
    initialDelaySeconds: integer(0, 86400)
      .optional()
      .describe('Seconds after the start of the container until the first probe.'),
    periodSeconds: integer(1, 86400).optional().describe('Seconds between two probes.'),
    timeoutSeconds: integer(1, 86400).optional().describe('Seconds until a probe without an answer fails.'),
    failureThreshold: integer(1, 1000)
      .optional()
      .describe('Number of consecutive failures that make the probe count as failed.'),
    successThreshold: integer(1, 1000)
      .optional()
      .describe('Number of consecutive successes that make a failed probe count as recovered.'),
  })
  .meta(
    rule(
      '[has(self.httpGet), has(self.tcpSocket), has(self.exec)].filter(set, set).size() == 1',
      'a probe needs exactly one of httpGet, tcpSocket and exec',
    ),
  );

const probes = z.object({
  liveness: probe.optional().describe('Probe whose failure restarts the container.'),
  readiness: probe.optional().describe('Probe that removes the pod from the Service while the probe fails.'),
  startup: probe.optional().describe('Probe that delays the other probes until its first success.'),
});

const scale = z
  .object({
    min: integer(0, 10000)
      .default(1)
      .describe('Minimum number of replicas, or the fixed number if max is not set.'),
    max: integer(1, 10000).optional().describe('Maximum number of replicas for the autoscaler.'),
    targetCPUUtilizationPercentage: integer(1, 1000)
      .optional()
      .describe('CPU use that the autoscaler aims at, in percent of the request.'),
  })
  .meta(rule('!has(self.max) || self.max >= self.min', 'max must not be less than min'));

const ingress = z.object({
  hosts: z.array(text(1, 253)).min(1).max(50).describe('Host names of the Ingress.'),
  paths: z
    .array(text(1, 1024))
    .max(50)
    .optional()
    .describe('Path prefixes that lead to the app (default: /).'),
  port: z
    .string()
    .max(15)
    .optional()
    .describe('Name of the port that serves the Ingress (default: the first).'),
  className: dnsSubdomain
    .optional()
    .describe('Name of the IngressClass (default: the default class of the cluster).'),
  annotations: z
    .record(z.string(), z.string().max(4096))
    .meta({ maxProperties: 64 })
    .optional()
    .describe('Annotations of the Ingress, for the ingress controller.'),
});

const config = z.object({
  name: dnsLabel.max(40).describe('Name of the config, unique in the app.'),
  mountPath: text(2, 1024, /^\/[^:]+$/)
    .optional()
    .describe(
      'Folder where each key becomes a file. Without a folder, each key becomes an environment variable.',
    ),
  data: z
    .record(z.string(), z.string().max(262144))
    .meta({ maxProperties: 64 })
    .optional()
    .describe(
      'Files or variables, by name. Not for secrets: everyone who may read the app can read the values.',
    ),
});

const dependency = z.object({
  name: dnsLabel.describe('Name of the other app.'),
  target: dnsLabel.optional().describe('Target of the other app (default: the same target).'),
  port: z.string().max(15).optional().describe('Name of one port of the other app (default: all ports).'),
});

const appTarget = z.object({
  name: dnsLabel.describe('Name of a target in the ClusterConfig.'),
  env: mapOf(envVar, 'name')
    .max(256)
    .optional()
    .describe('Variables of this target. Each replaces the common variable of the same name.'),
  configs: mapOf(config, 'name')
    .max(16)
    .optional()
    .describe(
      'Configs of this target. Each key replaces the same key in the config of the same name in spec.configs.',
    ),
  scale: scale.optional().describe('Number of replicas in this target, instead of the number in spec.scale.'),
  resources: resources
    .optional()
    .describe('Resources of the pods in this target, instead of spec.resources.'),
  probes: probes.optional().describe('Probes of the pods in this target, instead of spec.probes.'),
  ingress: ingress.optional().describe('Ingress that makes the app reachable from outside the cluster.'),
  deployMode: z
    .enum(['latest', 'halt'])
    .default('latest')
    .describe('Whether the app runs (latest) or is scaled to zero (halt).'),
});

export const appSpec = z.object({
  registry: z
    .string()
    .max(253)
    .optional()
    .describe('Prefix of the image, for example 123456789012.dkr.ecr.us-west-2.amazonaws.com.'),
  image: text(1, 512).describe(
    'Container image; without its registry if registry is set, and without its tag if imageTag is set.',
  ),
  imageTag: z
    .string()
    .max(128)
    .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/)
    .optional()
    .describe('Tag of the image (default: latest).'),
  ports: mapOf(port, 'name')
    .max(32)
    .optional()
    .describe('Ports that the container listens on. The Service of the app has the same ports.'),
  command: z
    .array(z.string().max(4096))
    .max(256)
    .optional()
    .describe("Program to run, instead of the image's entry point."),
  args: z
    .array(z.string().max(4096))
    .max(256)
    .optional()
    .describe("Arguments of the program, instead of the image's arguments."),
  env: mapOf(envVar, 'name')
    .max(256)
    .optional()
    .describe("Variables of the container's environment in every target."),
  configs: mapOf(config, 'name')
    .max(16)
    .optional()
    .describe('Files and variables for the pods. A change replaces the pods.'),
  dependencies: z
    .array(dependency)
    .max(64)
    .optional()
    .describe(
      'Apps that this app depends on. The addresses of those apps become variables: NAME_PORT_HOST=name.target.svc:port.',
    ),
  serviceAccount: dnsSubdomain
    .optional()
    .describe("LinkedServiceAccount whose AWS permissions the app's pods hold."),
  imagePullSecrets: z
    .array(dnsSubdomain)
    .max(16)
    .optional()
    .describe('Secrets with credentials for the image registry. They must exist in each target.'),
  resources: resources.optional().describe('Resources of each pod.'),
  probes: probes.optional().describe('Checks that the container has started, is ready, and works.'),
  scale: scale.optional().describe('Number of replicas in each target.'),
  targets: mapOf(appTarget, 'name').max(100).min(1).describe('Targets of the app.'),
});

const appTargetStatus = z.object({
  name: z.string().describe('Name of the target.'),
  state: z
    .enum(['Progressing', 'Ready', 'WaitingForIdentity', 'Halted', 'Failed'])
    .describe('State of the app in the target.'),
  image: z.string().optional().describe('Image of the Deployment.'),
  revision: z.string().optional().describe('Revision of the Deployment.'),
  replicas: z.int().optional().describe('Desired number of replicas.'),
  readyReplicas: z.int().optional().describe('Number of ready replicas.'),
  roleArn: z.string().optional().describe("Role of this target's pods."),
  identityCurrent: z.boolean().optional().describe('Whether every running pod holds the current identity.'),
  reason: z.string().optional().describe('Reason of the state, one word.'),
  message: z.string().optional().describe('Explanation of the state, as a sentence.'),
});

export const appStatus = z.object({
  observedGeneration,
  targets: mapOf(appTargetStatus, 'name').max(100).optional().describe('State of the app in each target.'),
  ready: z.string().optional().describe('Number of ready targets and of desired targets, for example 2/2.'),
  conditions: conditions.optional().describe('Conditions of the app. Ready summarizes the others.'),
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

export type App = KonstellationObject<typeof apps.kind, AppSpec> & { readonly status?: AppStatus };

/** Condition types of an App. `Ready` summarizes the others. */
export const appConditionTypes = ['Ready', 'IdentityReady', 'Available'] as const;
export type AppConditionType = (typeof appConditionTypes)[number];
