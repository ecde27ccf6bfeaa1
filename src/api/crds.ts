/** The CustomResourceDefinitions, derived from the schemas. */
import { z } from 'zod';
import { appSpec, appStatus } from './app.ts';
import { clusterConfigRules, clusterConfigSpec, clusterConfigStatus } from './cluster-config.ts';
import { schemaVersionAnnotation } from './labels.ts';
import {
  linkedServiceAccountSpec,
  linkedServiceAccountStatus,
  type LinkedServiceAccountStatus,
} from './linked-service-account.ts';
import { defaultStatus } from './meta.ts';
import { quarantineSpec } from './quarantine.ts';
import { apps, apiGroup, clusterConfigs, linkedServiceAccounts, quarantines } from './resources.ts';

type JsonSchema = { [key: string]: unknown };
type PrinterColumn = {
  readonly name: string;
  readonly type: 'string' | 'date';
  readonly jsonPath: string;
  readonly priority?: number;
};
type ValidationRule = {
  readonly rule: string;
  readonly message: string;
  readonly fieldPath?: string;
  /** Whether the rule is also checked at creation, with `oldSelf` as an optional value. */
  readonly optionalOldSelf?: true;
};

export type CustomResourceDefinition = {
  readonly apiVersion: 'apiextensions.k8s.io/v1';
  readonly kind: 'CustomResourceDefinition';
  readonly metadata: { readonly name: string; readonly annotations: Readonly<Record<string, string>> };
  readonly spec: { readonly group: string; readonly [key: string]: unknown };
};

/**
 * Version of the schemas and of the admission policies. It is increased by each release that adds a kind, a field or a
 * value, or makes a policy stricter. An older release does not replace objects with a higher version.
 */
export const schemaVersion = 4;

/**
 * Newer status fields that any account can have, each with the schema version that added the field. Server-side apply
 * refuses fields that the installed schema lacks.
 */
const statusFieldsSince = { attached: 3, lastUsed: 4 } as const;

/** Omits status fields that the installed schema lacks, for example after a `helm upgrade`, which does not update CRDs. */
export function statusOfSchema(
  status: LinkedServiceAccountStatus,
  installedVersion: number,
): LinkedServiceAccountStatus {
  const unknown: readonly string[] = Object.entries(statusFieldsSince).flatMap(([field, since]) =>
    installedVersion < since ? [field] : [],
  );
  return unknown.length === 0
    ? status
    : Object.fromEntries(Object.entries(status).filter(([field]) => !unknown.includes(field)));
}

/** Keywords that structural schemas reject or ignore. */
const dropped = new Set(['$schema', 'additionalProperties:false', 'propertyNames', 'id', '~standard']);

function structural(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(structural);
  if (node === null || typeof node !== 'object') return node;
  const result: JsonSchema = {};
  for (const [key, value] of Object.entries(node)) {
    if (dropped.has(key) || (key === 'additionalProperties' && value === false)) continue;
    // Omits the bounds that zod adds to every integer, because Kubernetes limits integers to int64.
    if ((key === 'maximum' || key === 'minimum') && Math.abs(value as number) === Number.MAX_SAFE_INTEGER)
      continue;
    result[key] = key === 'default' || key === 'enum' ? value : structural(value);
  }
  return result;
}

function schemaOf(schema: z.ZodType): JsonSchema {
  return structural(z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input' })) as JsonSchema;
}

function crd(
  resource: typeof apps | typeof clusterConfigs | typeof linkedServiceAccounts | typeof quarantines,
  description: string,
  spec: z.ZodType,
  /** Schema of the status. Undefined for Quarantines: the account's status reports their state. */
  status: z.ZodType | undefined,
  columns: readonly PrinterColumn[],
  rules: readonly ValidationRule[] = [],
): CustomResourceDefinition {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${resource.plural}.${resource.group}`,
      annotations: { [schemaVersionAnnotation]: `${schemaVersion}` },
    },
    spec: {
      group: apiGroup,
      scope: 'Cluster',
      names: {
        kind: resource.kind,
        listKind: `${resource.kind}List`,
        plural: resource.plural,
        singular: resource.singular,
        shortNames: [...resource.shortNames],
        categories: ['konstellation'],
      },
      versions: [
        {
          name: resource.version,
          served: true,
          storage: true,
          ...(status ? { subresources: { status: {} } } : {}),
          additionalPrinterColumns: columns,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description,
              required: ['spec'],
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                metadata: { type: 'object' },
                spec: schemaOf(spec),
                // The status is one atomic field, because only the operator writes it. Tracking the owner of each field
                // would double the size of stored and transferred objects.
                ...(status
                  ? {
                      status: {
                        ...schemaOf(status),
                        default: { ...defaultStatus },
                        'x-kubernetes-map-type': 'atomic',
                      },
                    }
                  : {}),
              },
              ...(rules.length > 0 ? { 'x-kubernetes-validations': rules } : {}),
            },
          },
        },
      ],
    },
  };
}

const column = (name: string, jsonPath: string, priority?: number): PrinterColumn => ({
  name,
  type: 'string',
  jsonPath,
  ...(priority === undefined ? {} : { priority }),
});
const age: PrinterColumn = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };
const ready = column('Ready', '.status.conditions[?(@.type=="Ready")].status');
const reason = column('Reason', '.status.conditions[?(@.type=="Ready")].reason');

/** All CRDs, in the order of their installation. */
export function crds(): readonly CustomResourceDefinition[] {
  return [
    crd(
      clusterConfigs,
      'Configuration of a cluster. Each cluster has one ClusterConfig, with the name of the cluster.',
      clusterConfigSpec,
      clusterConfigStatus,
      [
        ready,
        reason,
        column('Region', '.spec.aws.region'),
        column('Account', '.status.accountId'),
        column('Issuer', '.status.oidcIssuer', 1),
        age,
      ],
      clusterConfigRules,
    ),
    crd(
      linkedServiceAccounts,
      "AWS permissions of an app's pods. The operator keeps one IAM role per account and cluster in sync with it.",
      linkedServiceAccountSpec,
      linkedServiceAccountStatus,
      [
        ready,
        reason,
        column('Role', '.status.roleArn'),
        column('Targets', '.status.ready'),
        column('Policies', '.status.attached'),
        column('Policy ARNs', '.spec.aws.policyArns', 1),
        column('Policy names', '.spec.aws.policyNames', 1),
        column('Last used', '.status.lastUsed.date', 1),
        age,
      ],
      [
        {
          // An existing account with the name `default` stays editable.
          rule: "oldSelf.hasValue() || self.metadata.name != 'default'",
          optionalOldSelf: true,
          message:
            'an account cannot be named default: all pods without a ServiceAccount would hold its permissions',
        },
      ],
    ),
    crd(
      apps,
      'An application, its targets, and the account whose AWS permissions its pods hold.',
      appSpec,
      appStatus,
      [
        ready,
        reason,
        column('Image', '.spec.image'),
        column('Tag', '.spec.imageTag'),
        column('Account', '.spec.serviceAccount'),
        column('Targets', '.status.ready'),
        age,
      ],
      [
        {
          rule: "self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
          message:
            "an app's name is also the name of its Service: at most 63 lower-case letters, digits and '-', beginning with a letter",
        },
      ],
    ),
    crd(
      quarantines,
      "Cuts off an account. While a Quarantine exists, sessions of the account's roles are denied, pods get no credentials, and nothing that uses the account is rolled out. The account's status reports the state of the Quarantine.",
      quarantineSpec,
      undefined,
      [
        column('Account', '.spec.account'),
        column('Requested by', '.spec.requestedBy'),
        column('Reason', '.spec.reason'),
        age,
      ],
    ),
  ];
}
