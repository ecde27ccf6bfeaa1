/** Ports to AWS, implemented in src/aws. All reject with IdentityError. */
import type { RoleSettings, RoleSpec, ObservedAssociation, ObservedRole } from './world.ts';

/** A listing of the roles of the AWS account. */
export type RoleSnapshot = {
  readonly roles: readonly ObservedRole[];
  /** Time before the first call, in milliseconds. Later writes may be missing. */
  readonly startedAt: number;
  /** Number of API calls. Default: 1. */
  readonly pages?: number;
  /**
   * Set if the listing shows no permissions boundary on any role, so that boundaries are unknown. The listing omits boundaries in
   * practice, contrary to its documentation: https://github.com/awsdocs/iam-user-guide/issues/81
   */
  readonly withoutBoundaries?: true;
};

/** Parts of a role that the caller already knows, so that they need no call. */
export type KnownParts = Partial<
  Pick<ObservedRole, 'attachedPolicyArns' | 'inlinePolicyNames' | 'inlinePolicy' | 'podDenial'>
>;

/** Part of a new role that only the response of CreateRole shows. */
export type CreatedRole = Pick<ObservedRole, 'arn' | 'id' | 'lastUsed'>;

export type RoleStore = {
  /** Reads a role; undefined if it does not exist. Takes one call, and one more for each part that is not in `known`. */
  read(name: string, signal?: AbortSignal, known?: KnownParts): Promise<ObservedRole | undefined>;
  /**
   * Lists the roles of the AWS account.
   *
   * @param isNamed whether a role without our tags is listed, by its name (default: every role is)
   */
  snapshot(signal?: AbortSignal, isNamed?: (name: string) => boolean): Promise<RoleSnapshot>;
  create(spec: RoleSpec, signal?: AbortSignal): Promise<CreatedRole>;
  delete(name: string, signal?: AbortSignal): Promise<void>;
  updateTrustPolicy(name: string, trustPolicy: string, signal?: AbortSignal): Promise<void>;
  attachPolicy(name: string, policyArn: string, signal?: AbortSignal): Promise<void>;
  detachPolicy(name: string, policyArn: string, signal?: AbortSignal): Promise<void>;
  putInlinePolicy(name: string, policyName: string, document: string, signal?: AbortSignal): Promise<void>;
  deleteInlinePolicy(name: string, policyName: string, signal?: AbortSignal): Promise<void>;
  putPermissionsBoundary(name: string, policyArn: string, signal?: AbortSignal): Promise<void>;
  deletePermissionsBoundary(name: string, signal?: AbortSignal): Promise<void>;
  /** Writes settings. Pass all known settings, because it is undocumented whether IAM keeps omitted ones. */
  updateSettings(name: string, settings: Partial<RoleSettings>, signal?: AbortSignal): Promise<void>;
  tag(name: string, tags: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<void>;
  untag(name: string, keys: readonly string[], signal?: AbortSignal): Promise<void>;
};

/** Listing of every association of the cluster, without details. */
export type AssociationSnapshot = {
  readonly associations: readonly ObservedAssociation[];
  /** Time before the first call, in milliseconds. Later writes may be missing. */
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
  /**
   * Changes the role of the association, enables session tags, and removes a target role and a session policy. Resolves with the
   * association as EKS returns it.
   */
  update(
    association: ObservedAssociation,
    roleArn: string,
    signal?: AbortSignal,
  ): Promise<ObservedAssociation>;
  delete(id: string, signal?: AbortSignal): Promise<void>;
  tag(arn: string, tags: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<void>;
};

export type IdentityProver = {
  /**
   * Exchanges a ServiceAccount's token for credentials of the role and drops them. A session policy denies everything, so that the
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
   * Exchanges a token that is bound to a pod for the credentials that EKS Pod Identity gives that pod, checks their role, and
   * drops them. No session policy can limit these credentials.
   */
  prove(of: { token: string; roleArn: string; roleId?: string }, signal?: AbortSignal): Promise<void>;
};

export type CallerIdentity = { readonly accountId: string; readonly partition: string; readonly arn: string };

/** Facts that a ClusterConfig is compared with. */
export type CloudAccount = {
  callerIdentity(signal?: AbortSignal): Promise<CallerIdentity>;
  /** Reads an IAM OIDC provider; undefined if it does not exist. */
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
