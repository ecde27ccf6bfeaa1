/** LinkedServiceAccount: AWS permissions for the pods of an app, on every target. */
import { z } from 'zod';
import type { linkedServiceAccounts, KonstellationObject } from './resources.ts';
import { conditions, dnsLabel, integer, mapOf, observedGeneration, setOf, text } from './meta.ts';

/**
 * ARN of an IAM managed policy: AWS managed (`aws`) or customer managed (12 digits), in any partition.
 * Source: IAM User Guide, "IAM identifiers"; a path has at most 512 characters, a name at most 128.
 */
export const policyArn = z
  .string()
  .max(700)
  .regex(/^arn:aws(-[a-z]+)*:iam::(aws|[0-9]{12}):policy\/([!-~]+\/)?[A-Za-z0-9_+=,.@-]{1,128}$/)
  .describe('ARN of an IAM managed policy, for example arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess.');

/**
 * Name of an IAM managed policy, for manifests that fit every cluster: `aws/PATH/NAME` is an AWS managed policy, and
 * `account/PATH/NAME` is a policy in the cluster's own AWS account. Limits as in `policyArn`.
 */
export const policyName = z
  .string()
  .max(648)
  .regex(/^(aws|account)\/([!-~]+\/)?[A-Za-z0-9_+=,.@-]{1,128}$/)
  .describe(
    'Name of an IAM managed policy: aws/AmazonS3ReadOnlyAccess for an AWS managed policy, account/team/payments for a policy in the AWS account of the cluster, with its path.',
  );

/**
 * Maximum number of policies of an account, in `policyArns` and `policyNames` together. IAM's highest quota is 20
 * policies per role, so this limit refuses no list that IAM could accept.
 */
export const maxPolicies = 25;

/** EKS mechanisms that give pods a role. */
export const identityMode = z.enum(['IRSA', 'PodIdentity']);
export type IdentityMode = z.infer<typeof identityMode>;

/**
 * Prefixes of reserved tag keys, in upper or lower case: `k11n.dev/` for ownership, `aws:` for AWS, and the prefixes of
 * the session tags of EKS Pod Identity, because a role tag could imitate a session tag in `aws:PrincipalTag`.
 * https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html
 */
export const reservedTagPrefixes = ['k11n.dev/', 'aws:', 'kubernetes-', 'eks-cluster-'] as const;

/**
 * Tags of the IAM role. Source: IAM User Guide, "Tagging IAM resources": keys have at most 128 characters, values 256,
 * and a role has at most 50 tags, including the ownership tags.
 */
export const roleTags = z.record(z.string(), z.string().max(256)).meta({
  maxProperties: 40,
  'x-kubernetes-validations': [
    {
      rule: `self.all(key, key.size() >= 1 && key.size() <= 128 && ${reservedTagPrefixes.map((prefix) => `!key.lowerAscii().startsWith('${prefix}')`).join(' && ')})`,
      message:
        "a tag's key has 1 to 128 characters and must not start, in any case, with k11n.dev/ (kept for Konstellation), aws: (kept for AWS), or kubernetes- or eks-cluster- (kept for the session tags of EKS Pod Identity)",
    },
    {
      rule: 'self.all(key, self.exists_one(other, other.lowerAscii() == key.lowerAscii()))',
      message: 'two tag keys differ only in case, and IAM treats them as the same',
    },
  ],
});

/** Characters that a role's description may contain. Source: IAM API, CreateRole, Description. */
const roleDescription = /^[\t\n\r -~¡-ÿ]*$/;

/**
 * One statement of the account's own permissions. A statement always allows, and has no negated elements such as
 * `NotAction`, so that admission can check the user's right to grant each action.
 */
export const permissionStatement = z.object({
  sid: text(1, 64, /^[0-9A-Za-z]+$/)
    .optional()
    .describe('Name of the statement, unique in the account.'),
  actions: setOf(
    z
      .string()
      .max(128)
      .regex(/^(\*|[a-z0-9-]+:[0-9A-Za-z*?]+)$/),
    { min: 1, max: 50 },
  ).describe('IAM actions, for example sqs:SendMessage. * and ? are wildcards after the service.'),
  resources: setOf(
    z
      .string()
      .max(1024)
      .regex(/^(\*|arn:[!-~]+)$/),
    { min: 1, max: 50 },
  ).describe(
    'ARNs that the actions apply to, or *. $(partition), $(region), $(account) and $(cluster) stand for the values of the cluster.',
  ),
  conditions: z
    .record(
      z.string(),
      z.record(z.string(), z.array(z.string().max(1024)).min(1).max(50)).meta({ maxProperties: 20 }),
    )
    .meta({ maxProperties: 20 })
    .optional()
    .describe(
      'IAM conditions: operator, key and list of values. The values take the same placeholders as resources.',
    ),
  until: z
    .string()
    .meta({ format: 'date-time' })
    .optional()
    .describe('Time when IAM stops allowing the actions, for example 2027-01-31T00:00:00Z.'),
});
export type PermissionStatement = z.infer<typeof permissionStatement>;

export const linkedServiceAccountSpec = z.object({
  targets: setOf(dnsLabel, { min: 1, max: 1000 })
    .optional()
    .describe('Targets whose pods may use this account (default: all targets of the ClusterConfig).'),
  aws: z
    .object({
      policyArns: setOf(policyArn, { max: maxPolicies })
        .optional()
        .describe("IAM managed policies of the account's pods. The order does not matter."),
      policyNames: setOf(policyName, { max: maxPolicies })
        .optional()
        .describe(
          "IAM managed policies of the account's pods by name, so that one manifest fits every AWS account and partition. Each name stands for the ARN in the AWS account and partition of the cluster. A policy that is listed by ARN and by name counts once.",
        ),
      statements: z
        .array(permissionStatement)
        .max(20)
        .meta({ 'x-kubernetes-list-type': 'atomic' })
        .optional()
        .describe(
          "Permissions in addition to the policies, written to the role's inline policy konstellation. Statements need a permissions boundary, and allowStatements in the ClusterConfig.",
        ),
      permissionsBoundaryArn: policyArn
        .optional()
        .describe(
          "Managed policy that is the role's permissions boundary (default: the boundary in the ClusterConfig).",
        ),
      maxSessionDuration: integer(3600, 43200)
        .optional()
        .describe('Maximum session duration of the role, in seconds (default: 3600).'),
      description: text(1, 1000)
        .regex(roleDescription)
        .optional()
        .describe('Description of the IAM role. The default names the account and the cluster.'),
      tags: roleTags.optional().describe('Tags to set on the role, in addition to the ownership tags.'),
      identityMode: identityMode
        .optional()
        .describe(
          "How pods get the role: by the ServiceAccount's annotation (IRSA) or by an EKS Pod Identity association (PodIdentity). Default: the mode in the ClusterConfig. The mode can be changed at any time: targets switch one after the other.",
        ),
      roleName: text(1, 64, /^[A-Za-z0-9_+=,.@-]+$/)
        .optional()
        .describe(
          'Name of the role, which cannot be changed later (default: derived from cluster and account).',
        ),
      adopt: z
        .boolean()
        .optional()
        .describe(
          'Adopt the existing role named in roleName, for example a role that eksctl or Terraform created. The trust policy and policies of this account replace the trust policy and attached policies of the role. When the account is deleted, the role stays and loses only the ownership tags.',
        ),
    })
    .refine(({ policyArns, policyNames, statements }) => policyArns ?? policyNames ?? statements, {
      path: ['policyArns'],
      message: 'is missing',
    })
    .meta({
      'x-kubernetes-validations': [
        {
          rule: 'has(self.policyArns) || has(self.policyNames) || has(self.statements)',
          message:
            'set at least one of policyArns, policyNames and statements; for an account without permissions, set policyArns: []',
        },
        {
          rule: `(has(self.policyArns) ? self.policyArns.size() : 0) + (has(self.policyNames) ? self.policyNames.size() : 0) <= ${maxPolicies}`,
          message: `policyArns and policyNames list at most ${maxPolicies} policies together`,
        },
        {
          rule: 'has(self.roleName) == has(oldSelf.roleName) && (!has(self.roleName) || self.roleName == oldSelf.roleName)',
          message: 'roleName cannot be changed: create a new account',
        },
        {
          rule: '!has(self.adopt) || !self.adopt || has(self.roleName)',
          message: 'adopt needs roleName, the name of the role to adopt',
        },
      ],
    })
    .describe('AWS settings of the account.'),
  deletionPolicy: z
    .enum(['Delete', 'Retain'])
    .default('Delete')
    .describe(
      'What happens to the IAM role when this account is deleted. Retain keeps the role, but removes the ownership tags.',
    ),
});

const policyStatus = z.object({
  arn: z.string().describe('ARN of the policy.'),
  attached: z.boolean().describe('Whether the policy is attached to the role.'),
  reason: z.string().optional().describe('Reason why the policy is not attached, one word.'),
  message: z.string().optional().describe('Reason why the policy is not attached, as a sentence.'),
});

const statementsStatus = z.object({
  applied: z
    .boolean()
    .describe("Whether the role's inline policy has exactly the statements of the account."),
  reason: z.string().optional().describe('Reason why the statements are not applied, one word.'),
  message: z.string().optional().describe('Reason why the statements are not applied, as a sentence.'),
});

const quarantinedPodStatus = z.object({
  uid: z.string().describe('Unique id of the pod.'),
  namespace: z.string().optional().describe('Namespace of the pod, copied from the Quarantine.'),
  name: z.string().optional().describe('Name of the pod, copied from the Quarantine.'),
  quarantine: z.string().describe('Name of the Quarantine.'),
  since: z.string().meta({ format: 'date-time' }).describe('Creation time of the Quarantine.'),
  requestedBy: z.string().optional().describe('User who created the Quarantine.'),
  denied: z.boolean().describe('Whether every role of the account denies the sessions of the pod.'),
  reason: z.string().optional().describe('Reason why the sessions of the pods are not denied, as one word.'),
  message: z
    .string()
    .optional()
    .describe('Reason why the sessions of the pods are not denied, as a sentence.'),
});

const targetStatus = z.object({
  name: z.string().describe('Name of the target.'),
  roleArn: z.string().optional().describe("ARN of the role of the target's pods."),
  identityMode: identityMode.optional().describe('How new pods get the role (default: IRSA).'),
  linked: z
    .boolean()
    .describe("Whether the target's ServiceAccount has the role annotation, or is associated with the role."),
  confirmed: z
    .boolean()
    .optional()
    .describe(
      'Only for PodIdentity: whether the operator has read back the association and the trust policy, and whether the webhook has given a dry-run pod the variables and the token that the agent needs. Pods can then be created, and the first pod proves the identity.',
    ),
  proven: z
    .boolean()
    .describe("Whether a token of this target's ServiceAccount was exchanged for credentials of the role."),
  provenAt: z.string().meta({ format: 'date-time' }).optional().describe('Time of the last proof.'),
  proofKey: z
    .string()
    .optional()
    .describe('Digest of the proven or confirmed state: role, trust policy, ServiceAccount, association.'),
  pods: z
    .object({
      current: z.int().describe('Pods with the current identity.'),
      stale: z.int().describe('Pods with an older identity.'),
      uninjected: z.int().describe('Pods without an identity.'),
    })
    .optional()
    .describe('Numbers of running pods with the current identity, an older identity, or none.'),
  reason: z.string().optional().describe('Reason why the target is not ready, one word.'),
  message: z.string().optional().describe('Reason why the target is not ready, as a sentence.'),
});

const formerTarget = z.object({
  name: z.string().describe('Name of the target.'),
  roleArn: z.string().optional().describe("ARN of the role that the target's pods held."),
  sessionsUntil: z
    .string()
    .meta({ format: 'date-time' })
    .describe('Latest time when AWS sessions from before the unlinking may still be valid.'),
});

const lastUsed = z.object({
  date: z
    .string()
    .optional()
    .describe('Day of the last use in UTC, for example 2026-11-28. Absent if IAM has recorded none.'),
  trackedSince: z
    .string()
    .describe(
      'Day when the newest of the roles was created. Uses before that day may be unknown. IAM reports uses of the last 400 days.',
    ),
});

export const linkedServiceAccountStatus = z.object({
  observedGeneration,
  roleArn: z.string().optional().describe('ARN of the IAM role.'),
  roleId: z.string().optional().describe('Unique id of the IAM role. A recreated role has another id.'),
  lastUsed: lastUsed
    .optional()
    .describe(
      "Last use of credentials of the account's roles, as IAM records it some hours later. Absent while the last use is unknown.",
    ),
  linkedTargets: z
    .array(z.string())
    .optional()
    .describe('Targets whose ServiceAccount is linked to the role.'),
  targets: mapOf(targetStatus, 'name').optional().describe('State of the account in each target.'),
  formerTargets: mapOf(formerTarget, 'name')
    .optional()
    .describe('Unlinked targets whose pods may still have valid AWS sessions.'),
  policies: mapOf(policyStatus, 'arn').optional().describe('State of each listed policy.'),
  attached: z
    .string()
    .optional()
    .describe('Number of attached policies and of listed policies, for example 2/2.'),
  statements: statementsStatus.optional().describe("State of the account's own permissions."),
  quarantinedPods: mapOf(quarantinedPodStatus, 'uid')
    .optional()
    .describe('Pods whose sessions a Quarantine denies.'),
  ready: z
    .string()
    .optional()
    .describe(
      'Number of targets that are linked and proven, and number of desired targets, for example 2/2.',
    ),
  conditions: conditions.optional().describe('Conditions of the account. Ready summarizes the others.'),
});

export type LinkedServiceAccountSpec = z.infer<typeof linkedServiceAccountSpec>;
export type LinkedServiceAccountStatus = z.infer<typeof linkedServiceAccountStatus>;
export type PolicyStatus = z.infer<typeof policyStatus>;
export type StatementsStatus = z.infer<typeof statementsStatus>;
export type QuarantinedPodStatus = z.infer<typeof quarantinedPodStatus>;
export type TargetStatus = z.infer<typeof targetStatus>;
export type FormerTarget = z.infer<typeof formerTarget>;
export type LastUsed = z.infer<typeof lastUsed>;

export type LinkedServiceAccount = KonstellationObject<
  typeof linkedServiceAccounts.kind,
  LinkedServiceAccountSpec
> & { readonly status?: LinkedServiceAccountStatus };

/** Condition types of a LinkedServiceAccount. `Ready` summarizes the others. */
export const accountConditionTypes = [
  'Ready',
  'RoleSynced',
  'PoliciesAttached',
  'TargetsLinked',
  'IdentityProven',
  'WorkloadsCurrent',
] as const;
export type AccountConditionType = (typeof accountConditionTypes)[number];
