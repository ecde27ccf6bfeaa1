/** Ports to AWS, implemented in src/aws. All methods reject with an IdentityError. */
import type { RoleSettings, RoleSpec, ObservedAssociation, ObservedRole } from './world.ts';

/** A listing of the roles of the AWS account. */
export type RoleSnapshot = {
  readonly roles: readonly ObservedRole[];
  /** Point in time right before the first call of the listing, in milliseconds. The listing may lack later writes. */
  readonly startedAt: number;
  /** Number of pages of the listing, one API call each. Default: 1. */
  readonly pages?: number;
  /**
   * Set if the listing shows no permissions boundary on any role. The boundaries of all roles are then unknown, because contrary
   * to its documentation, IAM omits boundaries from the listing in practice: https://github.com/awsdocs/iam-user-guide/issues/81
   */
  readonly withoutBoundaries?: true;
};

/** Parts of a role that the caller already knows, so that no call is needed to read them. */
export type KnownParts = Partial<
  Pick<ObservedRole, 'attachedPolicyArns' | 'inlinePolicyNames' | 'inlinePolicy' | 'podDenial'>
>;

/** Part of a new role that only the response of CreateRole shows. */
export type CreatedRole = Pick<ObservedRole, 'arn' | 'id' | 'lastUsed'>;

export type RoleStore = {
  /** Reads a role; undefined if the role does not exist. Takes one call, and one more call for each part that is not in `known`. */
  read(name: string, signal?: AbortSignal, known?: KnownParts): Promise<ObservedRole | undefined>;
  /**
   * Lists the roles of the AWS account.
   *
   * @param isNamed decides by name whether a role without our tags is listed (default: every role is listed)
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
  /** Writes settings. Pass all known settings, because it is undocumented whether IAM keeps omitted settings. */
  updateSettings(name: string, settings: Partial<RoleSettings>, signal?: AbortSignal): Promise<void>;
  tag(name: string, tags: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<void>;
  untag(name: string, keys: readonly string[], signal?: AbortSignal): Promise<void>;
};

/** Listing of every association of the cluster, without details. */
export type AssociationSnapshot = {
  readonly associations: readonly ObservedAssociation[];
  /** Point in time right before the first call of the listing, in milliseconds. The listing may lack later writes. */
  readonly startedAt: number;
};

export type ServiceAccountName = { readonly namespace: string; readonly serviceAccount: string };

/** The Pod Identity associations of one EKS cluster. */
export type AssociationStore = {
  list(signal?: AbortSignal): Promise<AssociationSnapshot>;
  /**
   * Reads the association of a ServiceAccount with its details; undefined if none exists. Takes two calls, or one call if the
   * association's `id` is given.
   */
  read(of: ServiceAccountName, signal?: AbortSignal, id?: string): Promise<ObservedAssociation | undefined>;
  create(
    of: ServiceAccountName & { readonly roleArn: string; readonly tags: Readonly<Record<string, string>> },
    signal?: AbortSignal,
  ): Promise<ObservedAssociation>;
  /**
   * Sets the role of the association, enables session tags, and removes any target role and session policy. Resolves with the
   * association that EKS returns.
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
   * Exchanges a ServiceAccount's token for credentials of the role and discards the credentials. A session policy that
   * denies everything makes the credentials useless.
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
   * Exchanges a token that is bound to a pod for the credentials that EKS Pod Identity gives to this pod. Checks the
   * role of the credentials and discards them. With STS, a session policy takes all permissions from the credentials.
   * EKS Pod Identity accepts no session policy, so these credentials have the role's permissions.
   */
  prove(of: { token: string; roleArn: string; roleId?: string }, signal?: AbortSignal): Promise<void>;
};

export type CallerIdentity = { readonly accountId: string; readonly partition: string; readonly arn: string };

/** Quotas of an AWS account, and the number of its roles. */
export type AccountQuotas = {
  policiesPerRole: number;
  trustPolicySize: number;
  roles: number;
  rolesUsed: number;
};

/** Reads facts about an AWS account. A ClusterConfig is compared with these facts. */
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
  quotas(signal?: AbortSignal): Promise<AccountQuotas>;
};
