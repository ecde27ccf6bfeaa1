/**
 * ClusterConfig: settings of the cluster that Konstellation runs on. Each cluster has one ClusterConfig, with the
 * cluster's name.
 */
import { z } from 'zod';
import { conditions, dnsLabel, integer, observedGeneration, rule, setOf, text } from './meta.ts';
import { identityMode, policyArn, roleTags } from './linked-service-account.ts';
import type { clusterConfigs, KonstellationObject } from './resources.ts';

/** The rule of `isReservedTarget` as a CEL expression. @param name a CEL expression */
export const reservedTargetRule = (name: string): string =>
  `${name} == 'default' || ${name}.startsWith('kube-')`;
const reservedMessage = 'a target is a namespace for apps: default and kube-* are reserved for Kubernetes';

/** Whether a namespace can never be a target: `kube-*` belongs to Kubernetes, and unrelated pods run in `default`. */
export const isReservedTarget = (name: string): boolean => name === 'default' || name.startsWith('kube-');

/**
 * Rules that apply only to creations: on an update, `oldSelf` has a value, so each rule is true. The rules read no
 * field of `oldSelf`, because the unbounded size of the old object would add to their CEL cost.
 */
export const clusterConfigRules = [
  {
    rule: `oldSelf.hasValue() || !self.spec.targets.exists(name, ${reservedTargetRule('name')})`,
    optionalOldSelf: true,
    message: reservedMessage,
  },
] as const;

/**
 * IAM path with one or more folders, whose names contain only characters that IAM allows in role names. Source: IAM API
 * Reference, CreateRole, `Path` and `RoleName`.
 */
const rolePathPattern = /^\/([A-Za-z0-9_+=,.@-]+\/)+$/;

/** Whether a path is below `/` and has no characters that IAM policies treat as wildcards or variables. */
export function isRolePath(path: string): boolean {
  return path.length <= 512 && rolePathPattern.test(path);
}

/** Default role path of a new ClusterConfig. Each cluster has its own path, because `iam:PassRole` can be limited only by path. */
export function rolePathFor(clusterName: string): string {
  return `/konstellation/${clusterName.replaceAll(/[^A-Za-z0-9_+=,.@-]/g, '-')}/`;
}

export const clusterConfigSpec = z.object({
  targets: setOf(dnsLabel, { max: 1000 })
    // In updates, Kubernetes checks this rule only for changed values, so an object that stores a reserved name stays
    // editable.
    .meta(rule(`self.all(name, !(${reservedTargetRule('name')}) || name in oldSelf)`, reservedMessage))
    .describe('Targets of apps: namespaces that the operator creates and never deletes.'),
  aws: z
    .object({
      region: z
        .string()
        .regex(/^[a-z]{2,4}(-[a-z]+)+-[0-9]+$/)
        .describe('AWS region of the cluster, for example us-west-2.'),
      accountId: z
        .string()
        .regex(/^[0-9]{12}$/)
        .optional()
        .describe('AWS account of the roles. If set, the operator refuses credentials of any other account.'),
      clusterName: text(1, 100, /^[0-9A-Za-z][A-Za-z0-9_-]*$/)
        .optional()
        .describe('Name of the EKS cluster (default: the name of this object).'),
      oidcIssuer: z
        .string()
        .max(255)
        .regex(/^https:\/\/[^\s?#]+$/)
        .optional()
        .describe(
          'Token issuer of the cluster (default: the issuer that the API server reports). A value that differs from the reported issuer is an error.',
        ),
      identityMode: identityMode
        .optional()
        .describe(
          "How pods get their role, unless the account sets its own mode: by the ServiceAccount's annotation and the cluster's token issuer (IRSA, the default), or by EKS Pod Identity associations (PodIdentity), which need the agent on the nodes.",
        ),
      rolePath: z
        .string()
        .max(512)
        .regex(rolePathPattern)
        .default('/konstellation/')
        .describe(
          "IAM path of new roles. Give each cluster its own, for example /konstellation/main/: the operator may pass any role under it to pods. Existing roles keep their path, and the operator's IAM policy no longer covers them after a change.",
        ),
      permissionsBoundaryArn: policyArn
        .optional()
        .describe(
          'Managed policy that is the permissions boundary of every role, unless the account sets its own boundary.',
        ),
      allowedPolicyArns: setOf(text(1, 700), { max: 200 })
        .optional()
        .describe(
          'Patterns of policy ARNs that accounts may list: * matches any run of characters, including / and :, and ? matches one character (default: any policy).',
        ),
      allowStatements: z
        .boolean()
        .optional()
        .describe(
          "Whether accounts may have statements of their own (default: no). The operator's IAM policy then lets it write inline policies of roles that have a permissions boundary: print it again (kon iam-policy) after a change.",
        ),
      tags: roleTags.optional().describe('Tags to set on every role.'),
      allowedTagKeys: setOf(text(1, 128), { max: 40 })
        .optional()
        .describe(
          "Keys of tags that accounts may set on their roles, in addition to those in tags. The operator's IAM policy allows no other keys: print it again (kon iam-policy) after a change.",
        ),
      strictInline: z
        .boolean()
        .optional()
        .describe('Remove inline policies that others put on a role, instead of only reporting them.'),
      driftIntervalSeconds: integer(1, 86400)
        .default(60)
        .describe('Interval of drift detection, in seconds.'),
      proofIntervalSeconds: integer(60, 86400)
        .optional()
        .describe(
          'Longest time after which the operator repeats the proof of an unchanged identity, in seconds (default: 21600, six hours). A changed identity is proven immediately.',
        ),
    })
    .describe('AWS settings of the cluster.'),
});

export const clusterConfigStatus = z.object({
  observedGeneration,
  accountId: z.string().optional().describe('AWS account of the roles.'),
  partition: z.string().optional().describe('AWS partition, for example aws or aws-cn.'),
  clusterArn: z.string().optional().describe('ARN of the cluster, as in the ownership tags of its roles.'),
  oidcIssuer: z.string().optional().describe('Token issuer of the cluster.'),
  oidcProviderArn: z.string().optional().describe('ARN of the IAM OIDC provider of the issuer.'),
  quotas: z
    .object({
      policiesPerRole: z.int().describe('Maximum number of managed policies per role.'),
      trustPolicySize: z.int().describe('Maximum number of characters in a trust policy.'),
      roles: z.int().describe('Maximum number of IAM roles in the AWS account.'),
      rolesUsed: z.int().describe('Number of IAM roles in the AWS account.'),
    })
    .optional()
    .describe('Quotas of the AWS account.'),
  conditions: conditions.optional().describe('Conditions of the ClusterConfig. Ready summarizes the others.'),
});

export type ClusterConfigSpec = z.infer<typeof clusterConfigSpec>;
export type ClusterConfigStatus = z.infer<typeof clusterConfigStatus>;

export type ClusterConfig = KonstellationObject<typeof clusterConfigs.kind, ClusterConfigSpec> & {
  readonly status?: ClusterConfigStatus;
};
