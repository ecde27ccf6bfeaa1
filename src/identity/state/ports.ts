/** Ports to AWS, implemented in src/aws. All reject with IdentityError. */
import type { RoleSettings, RoleSpec, ObservedAssociation, ObservedRole } from './world.ts';

/** A listing of every role of the AWS account. */
export type RoleSnapshot = {
  readonly roles: readonly ObservedRole[];
  /** The time before the first call, in milliseconds: a write after it may be missing. */
  readonly startedAt: number;
  /** How many calls it took; 1 when absent. */
  readonly pages?: number;
  /**
   * It shows no permissions boundary on any role, so that it does not tell whether one has any. It is documented to, but
   * was seen not to: https://github.com/awsdocs/iam-user-guide/issues/81
   */
  readonly withoutBoundaries?: true;
};

/** Parts of a role that the caller knows, and which need not be asked for. */
export type KnownParts = Partial<Pick<ObservedRole, 'attachedPolicyArns' | 'inlinePolicyNames'>>;

export type RoleStore = {
  /** Undefined when there is no such role. One call, and one for each part that is not known. */
  read(name: string, signal?: AbortSignal, known?: KnownParts): Promise<ObservedRole | undefined>;
  snapshot(signal?: AbortSignal): Promise<RoleSnapshot>;
  create(spec: RoleSpec, signal?: AbortSignal): Promise<{ arn: string; id: string }>;
  delete(name: string, signal?: AbortSignal): Promise<void>;
  updateTrustPolicy(name: string, trustPolicy: string, signal?: AbortSignal): Promise<void>;
  attachPolicy(name: string, policyArn: string, signal?: AbortSignal): Promise<void>;
  detachPolicy(name: string, policyArn: string, signal?: AbortSignal): Promise<void>;
  deleteInlinePolicy(name: string, policyName: string, signal?: AbortSignal): Promise<void>;
  putPermissionsBoundary(name: string, policyArn: string, signal?: AbortSignal): Promise<void>;
  deletePermissionsBoundary(name: string, signal?: AbortSignal): Promise<void>;
  /** Writes these settings, all that are known: it is not documented that IAM keeps those that are left out. */
  updateSettings(name: string, settings: Partial<RoleSettings>, signal?: AbortSignal): Promise<void>;
  tag(name: string, tags: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<void>;
  untag(name: string, keys: readonly string[], signal?: AbortSignal): Promise<void>;
};

/** A listing of every association of the cluster, without what it points to. */
export type AssociationSnapshot = {
  readonly associations: readonly ObservedAssociation[];
  /** The time before the first call, in milliseconds: a write after it may be missing. */
  readonly startedAt: number;
};

export type ServiceAccountName = { readonly namespace: string; readonly serviceAccount: string };

/** The Pod Identity associations of one EKS cluster. */
export type AssociationStore = {
  list(signal?: AbortSignal): Promise<AssociationSnapshot>;
  /** The association of a ServiceAccount, with its details, or undefined. Takes two calls, or one if its `id` is given. */
  read(of: ServiceAccountName, signal?: AbortSignal, id?: string): Promise<ObservedAssociation | undefined>;
  create(
    of: ServiceAccountName & { readonly roleArn: string; readonly tags: Readonly<Record<string, string>> },
    signal?: AbortSignal,
  ): Promise<ObservedAssociation>;
  /** Points it to another role, and has pods' sessions say whose they are. */
  update(id: string, roleArn: string, signal?: AbortSignal): Promise<ObservedAssociation>;
  delete(id: string, signal?: AbortSignal): Promise<void>;
  tag(arn: string, tags: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<void>;
};

export type IdentityProver = {
  /**
   * Exchanges a ServiceAccount's token for credentials of the role and drops them. A session policy denies everything, so the
   * caller never holds usable credentials.
   *
   * @param of `roleId`: unique id that the role must have (default: any)
   */
  prove(
    of: { token: string; roleArn: string; roleId?: string; sessionName: string },
    signal?: AbortSignal,
  ): Promise<void>;
};

export type PodIdentityProver = {
  /**
   * Exchanges a token that is bound to a pod for the credentials which EKS Pod Identity gives that pod, sees that they are
   * of the role, and throws them away. No policy can bound these.
   */
  prove(of: { token: string; roleArn: string; roleId?: string }, signal?: AbortSignal): Promise<void>;
};

export type CallerIdentity = { readonly accountId: string; readonly partition: string; readonly arn: string };

/** Facts that a ClusterConfig is compared with. */
export type CloudAccount = {
  callerIdentity(signal?: AbortSignal): Promise<CallerIdentity>;
  /** An IAM OIDC provider; undefined when there is none. */
  oidcProvider(
    arn: string,
    signal?: AbortSignal,
  ): Promise<
    | {
        readonly clientIds: readonly string[];
        /** SHA-1 of certificates, hexadecimal; empty if unknown. */
        readonly thumbprints?: readonly string[];
      }
    | undefined
  >;
  quotas(
    signal?: AbortSignal,
  ): Promise<{ policiesPerRole: number; trustPolicySize: number; roles: number; rolesUsed: number }>;
};
