/** LinkedServiceAccount: AWS permissions for the pods of an app, on every target. */
import { z } from 'zod';
import type { apiVersion } from './resources.ts';
import { conditions, dnsLabel, setOf } from './meta.ts';
import type { ObjectMeta } from '../k8s/metadata.ts';

/**
 * ARN of an IAM managed policy: of AWS (`aws`) or a customer (12 digits), in any partition.
 * Source: IAM User Guide, "IAM identifiers"; a path has at most 512 characters, a name at most 128.
 */
export const policyArn = z
  .string()
  .max(700)
  .regex(/^arn:aws(-[a-z]+)*:iam::(aws|[0-9]{12}):policy\/([!-~]+\/)?[A-Za-z0-9_+=,.@-]{1,128}$/)
  .describe('The ARN of an IAM managed policy, for example arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess.');

/** Mechanisms of EKS that give pods a role. */
export const identityMode = z.enum(['IRSA', 'PodIdentity']);
export type IdentityMode = z.infer<typeof identityMode>;

/**
 * Prefixes of reserved tag keys, in any case: `k11n.dev/` for ownership, `aws:` for AWS, and those that imitate the
 * session tags of EKS Pod Identity in `aws:PrincipalTag`.
 * https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html
 */
export const reservedTagPrefixes = ['k11n.dev/', 'aws:', 'kubernetes-', 'eks-cluster-'] as const;

/**
 * Tags of the IAM role. Source: IAM User Guide, "Tagging IAM resources": 128 and 256 characters, 50 tags including
 * ownership tags.
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
      message: 'two tag keys differ in case only, and IAM takes them for one',
    },
  ],
});

/** Characters of a role's description. Source: IAM API, CreateRole, Description. */
const roleDescription = /^[\t\n\r -~¡-ÿ]*$/;

export const linkedServiceAccountSpec = z.object({
  targets: setOf(dnsLabel, { min: 1, max: 1000 })
    .optional()
    .describe('The targets whose pods may use this account. All targets of the ClusterConfig when absent.'),
  aws: z
    .object({
      policyArns: setOf(policyArn, { max: 25 }).describe(
        'The IAM managed policies which pods of this account hold. A set: the order does not matter.',
      ),
      permissionsBoundaryArn: policyArn
        .optional()
        .describe("The managed policy that bounds the role. The ClusterConfig's when absent."),
      maxSessionDuration: z
        .int()
        .min(3600)
        .max(43200)
        .optional()
        .describe('The longest session, in seconds, that may be asked of the role. 3600 when absent.'),
      description: z
        .string()
        .min(1)
        .max(1000)
        .regex(roleDescription)
        .optional()
        .describe('Description of the IAM role. The default names the account and the cluster.'),
      tags: roleTags.optional().describe('Tags to set on the role, beside those that mark it as ours.'),
      identityMode: identityMode
        .optional()
        .describe(
          "How pods get the role: by the ServiceAccount's annotation (IRSA) or by an EKS Pod Identity association (PodIdentity). The ClusterConfig's when absent. It can be changed at any time: targets go over one after the other.",
        ),
      roleName: z
        .string()
        .min(1)
        .max(64)
        .regex(/^[A-Za-z0-9_+=,.@-]+$/)
        .optional()
        .describe(
          'The name of the role, which cannot be changed later. One that follows from cluster and account when absent.',
        ),
      adopt: z
        .boolean()
        .optional()
        .describe(
          'Take over a role of the name in roleName that exists already, made by eksctl or Terraform for example. Its trust policy and its attachments become what this account says. When the account is deleted, the role stays and only loses our marks.',
        ),
    })
    .meta({
      'x-kubernetes-validations': [
        {
          rule: 'has(self.roleName) == has(oldSelf.roleName) && (!has(self.roleName) || self.roleName == oldSelf.roleName)',
          message: 'roleName cannot be changed: make a new account',
        },
        {
          rule: '!has(self.adopt) || !self.adopt || has(self.roleName)',
          message: 'adopt needs roleName: the role to take over',
        },
      ],
    })
    .describe('The AWS side of the account.'),
  deletionPolicy: z
    .enum(['Delete', 'Retain'])
    .default('Delete')
    .describe(
      'What becomes of the IAM role when this account is deleted. Retain leaves it, without our marks.',
    ),
});

const policyStatus = z.object({
  arn: z.string(),
  attached: z.boolean(),
  reason: z.string().optional(),
  message: z.string().optional(),
});

const targetStatus = z.object({
  name: z.string(),
  roleArn: z.string().optional(),
  identityMode: identityMode
    .optional()
    .describe('How pods that are made now get the role. IRSA when absent.'),
  linked: z
    .boolean()
    .describe('The ServiceAccount in this target carries the role, or is associated with it.'),
  confirmed: z
    .boolean()
    .optional()
    .describe(
      'Of PodIdentity: association and trust policy were read back, and pods made now get what the agent needs. Pods can be made; the first of them proves the identity.',
    ),
  proven: z
    .boolean()
    .describe("A token of this target's ServiceAccount was exchanged for credentials of the role."),
  provenAt: z.string().meta({ format: 'date-time' }).optional(),
  proofKey: z
    .string()
    .optional()
    .describe('A digest of what was proven or confirmed: role, trust policy, ServiceAccount, association.'),
  pods: z
    .object({ current: z.int(), stale: z.int(), uninjected: z.int() })
    .optional()
    .describe('How many running pods hold this identity, an older one, or none.'),
  reason: z.string().optional(),
  message: z.string().optional(),
});

const formerTarget = z.object({
  name: z.string(),
  roleArn: z.string().optional(),
  sessionsUntil: z
    .string()
    .meta({ format: 'date-time' })
    .describe('AWS sessions that its pods got before it was unlinked may live until then.'),
});

export const linkedServiceAccountStatus = z.object({
  observedGeneration: z.int().optional(),
  roleArn: z.string().optional(),
  roleId: z.string().optional(),
  linkedTargets: z.array(z.string()).optional(),
  targets: z
    .array(targetStatus)
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] })
    .optional(),
  formerTargets: z
    .array(formerTarget)
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] })
    .optional()
    .describe('Targets that were unlinked while AWS sessions of them may still live.'),
  policies: z
    .array(policyStatus)
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['arn'] })
    .optional(),
  ready: z.string().optional().describe('Targets that are linked and proven, of those that are wanted: 2/2.'),
  conditions: conditions.optional(),
});

export type LinkedServiceAccountSpec = z.infer<typeof linkedServiceAccountSpec>;
export type LinkedServiceAccountStatus = z.infer<typeof linkedServiceAccountStatus>;
export type PolicyStatus = z.infer<typeof policyStatus>;
export type TargetStatus = z.infer<typeof targetStatus>;
export type FormerTarget = z.infer<typeof formerTarget>;

export type LinkedServiceAccount = {
  readonly apiVersion: typeof apiVersion;
  readonly kind: 'LinkedServiceAccount';
  readonly metadata: ObjectMeta;
  readonly spec: LinkedServiceAccountSpec;
  readonly status?: LinkedServiceAccountStatus;
};

/** The condition types of a LinkedServiceAccount. `Ready` sums up the others. */
export const accountConditionTypes = [
  'Ready',
  'RoleSynced',
  'PoliciesAttached',
  'TargetsLinked',
  'IdentityProven',
  'WorkloadsCurrent',
] as const;
export type AccountConditionType = (typeof accountConditionTypes)[number];
