/** Input of the planner: the observed state of one account, its roles and its targets. */
import type { IdentityMode, LinkedServiceAccount, QuarantinedPod } from '../../api/index.ts';
import type { IdentityErrorCode } from './errors.ts';
import type { IdentityReason } from './reasons.ts';
import type { Monotonic, Wall } from '../../k8s/time.ts';

/** Problem of an account, role or target. `reason` is for programs, `message` for people. */
export type Problem = { readonly reason: IdentityReason | IdentityErrorCode; readonly message: string };

/** Settings of a role that IAM returns and writes together (GetRole, UpdateRole). Listings of roles omit them. */
export type RoleSettings = {
  readonly description: string;
  /** Maximum session duration in seconds. */
  readonly maxSessionDuration: number;
};

/** Desired state of a role, without its attachments. */
export type RoleSpec = RoleSettings & {
  readonly name: string;
  readonly path: string;
  readonly trustPolicy: string;
  readonly permissionsBoundaryArn?: string;
  readonly tags: Readonly<Record<string, string>>;
};

/** Use of a role as IAM records it, by day in UTC: `2026-11-28`. */
export type RoleUse = {
  /** Day of the last use; absent if IAM has recorded none. */
  readonly date?: string | undefined;
  /** Day when the role was created. IAM records the role's uses since then. */
  readonly trackedSince: string;
};

/** Observed state of a role in IAM. The settings of the role are undefined until a direct read. */
export type ObservedRole = Partial<RoleSettings> & {
  readonly name: string;
  readonly arn: string;
  /** IAM's unique id, `AROA…`. A recreated role of the same name has another id. */
  readonly id: string;
  readonly path: string;
  /** Trust policy as JSON, URL-decoded. */
  readonly trustPolicy: string;
  readonly attachedPolicyArns: readonly string[];
  readonly inlinePolicyNames: readonly string[];
  /** Document of the inline policy `konstellation` as JSON, URL-decoded; absent if the role has none. */
  readonly inlinePolicy?: string;
  /** Document of the inline policy `konstellation-quarantine` as JSON, URL-decoded; absent if the role has none. */
  readonly podDenial?: string;
  readonly permissionsBoundaryArn?: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Last use of the role; absent if unknown. */
  readonly lastUsed?: RoleUse;
};

/**
 * Cached state of the role with one name. Its source is a `write` by this process, a direct `read` of the role, or a listing of
 * all roles (`list`), which may be stale.
 */
export type CachedRole = {
  /** The role; null if no role of this name exists. */
  readonly role: ObservedRole | null;
  readonly source: 'write' | 'read' | 'list';
  /**
   * Time of the operator's last write of the trust policy, in milliseconds. A proof right after this write may fail until the
   * write has propagated.
   */
  readonly trustWrittenAt?: number;
  /**
   * Set if this process wrote the cached trust policy to IAM, and no read or listing has replaced the cached role since. Used
   * only if `source` is `write`.
   */
  readonly hasOwnTrust?: boolean;
  /**
   * Time from which a read of the role is reliable, in milliseconds. Set after a write of unknown outcome. Also set
   * while IAM does not show a role that may have just been created, because IAM may not have propagated the role yet.
   */
  readonly readAgainAt?: number;
};

/** An EKS Pod Identity association of a ServiceAccount. */
export type ObservedAssociation = {
  readonly id: string;
  readonly arn: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Properties that listings omit; absent if unknown. */
  readonly details?: {
    readonly roleArn: string;
    readonly tags: Readonly<Record<string, string>>;
    /** Whether session tags are disabled. The sessions of pods then lack the tags that trust policies may require. */
    readonly withoutSessionTags: boolean;
    /** Role whose credentials pods get instead of the credentials of `roleArn`. Konstellation never sets a target role. */
    readonly targetRoleArn?: string;
    /** Session policy that restricts what pods may do, as JSON. Konstellation never sets a session policy. */
    readonly policy?: string;
  };
};

/**
 * Cached state of a ServiceAccount's association. Its source is a `write` by this process whose effect was not confirmed yet, a
 * direct `read`, a listing (`list`), or a write of unknown outcome (`unknown`).
 */
export type CachedAssociation = {
  /** The association; null if none is known to exist. */
  readonly association: ObservedAssociation | null;
  readonly source: 'write' | 'read' | 'list' | 'unknown';
};

/** ServiceAccount with the account's name in a target. */
export type ObservedServiceAccount = {
  readonly uid: string;
  readonly resourceVersion: string;
  /** Value of Konstellation's label: the account that the ServiceAccount belongs to; absent without the label. */
  readonly account?: string;
  /** Whether the operator created the ServiceAccount. If so, the ServiceAccount is deleted when its target is unlinked. */
  readonly created: boolean;
  readonly roleArn?: string;
  /** Field manager that last set the annotation that contains `roleArn`. */
  readonly roleArnManager?: string;
  readonly audience?: string;
};

/** A running pod that uses the account's ServiceAccount. */
export type AccountUser = {
  readonly pod: string;
  /** Owner of the pod: `app myapp`, `ReplicaSet/x` or `Job/y`; absent for a bare pod. */
  readonly workload?: string;
  /** Name of the App that the pod belongs to, if any. */
  readonly app?: string;
};

/** Pod that has a Pod Identity but gets no credentials, because no Pod Identity agent serves it. */
export type UnservedPod = AccountUser & {
  /** Name of the pod's node; absent on AWS Fargate. */
  readonly node?: string;
  /** Type of the node: `fargate`, `hybrid` or another value of EKS's label; absent for other nodes. */
  readonly computeType?: string;
};

/** A running pod, in any namespace, that holds a role by web identity. */
export type RoleHolder = {
  readonly namespace: string;
  readonly pod: string;
  readonly serviceAccount: string;
};

export type PodCounts = { readonly current: number; readonly stale: number; readonly uninjected: number };

export type TargetObservation = {
  /** Name of the target, which is the name of its namespace. */
  readonly name: string;
  readonly namespace: 'present' | 'missing' | 'terminating';
  readonly serviceAccount?: ObservedServiceAccount;
  readonly users: readonly AccountUser[];
  readonly pods: PodCounts;
  readonly held: HeldIdentities;
};

/** A running pod with an AWS identity. */
export type PodWithIdentity = AccountUser & {
  readonly createdAt: Wall;
  readonly uid?: string;
  /** Whether the pod has a web identity. Sessions of a web identity have no tag that identifies the pod. */
  readonly hasWebIdentity?: boolean;
};

/** Identities that running pods of the ServiceAccount hold, whether or not the account wants them. */
export type HeldIdentities = {
  /** Distinct roles that pods hold by web identity. */
  readonly roleArns: readonly string[];
  /** Number of pods that get their role from the Pod Identity agent. */
  readonly podIdentity: number;
  /**
   * Number of pods with Pod Identity that are ready and not on Fargate. Without an association, these pods would lose their
   * access. Default: `podIdentity`.
   */
  readonly readyByPodIdentity?: number;
  /** Pods that nothing replaces when the identity changes, for example bare pods. Default: none. */
  readonly notReplaced?: readonly AccountUser[];
  /** Number of pods that have a web identity and that a rollout replaces when their identity changes. Default: 0. */
  readonly replacedByRole?: number;
  /** Pods that get no credentials, because no Pod Identity agent serves them. Default: none. */
  readonly withoutAgent?: readonly UnservedPod[];
  /** Nodes that have to be read to find out whether an agent serves their pods. Default: none. */
  readonly unreadNodes?: readonly string[];
  /** A running pod on a node with a Pod Identity agent. The token exchange uses a token of this pod. */
  readonly exchangePod?: { readonly name: string; readonly uid: string };
  /** Running pods with any AWS identity, with their creation times. Default: none. */
  readonly byPod?: readonly PodWithIdentity[];
};

/** A Quarantine that names the account. */
export type ObservedQuarantine = {
  readonly name: string;
  /** Creation time, in RFC 3339. */
  readonly since: string;
  /** User who created the Quarantine. An admission policy checked that this user sent the request. */
  readonly requestedBy?: string;
  readonly reason?: string;
  /** Pods whose sessions are denied. If absent, the whole account is cut off. */
  readonly pods?: readonly QuarantinedPod[];
};

/** Facts about the cluster and its AWS account, from the spec and the status of the ClusterConfig. */
export type ClusterFacts = {
  /** Name of the EKS cluster. */
  readonly name: string;
  /** Name of the ClusterConfig. */
  readonly configName: string;
  readonly clusterArn: string;
  readonly accountId: string;
  readonly partition: string;
  readonly issuer: string;
  readonly providerArn: string;
  /**
   * Problem of the IAM OIDC provider, found when the provider was last read. While the problem exists, STS refuses
   * every token of this cluster. Absent if there is no problem.
   */
  readonly providerProblem?: Problem;
  readonly rolePath: string;
  readonly identityMode: IdentityMode;
  readonly targets: readonly string[];
  /** Namespace of the operator, if known. This namespace cannot be a target. */
  readonly operatorNamespace?: string;
  readonly permissionsBoundaryArn?: string;
  readonly allowedPolicyArns?: readonly string[];
  /** Whether accounts may have statements of their own. */
  readonly allowsStatements: boolean;
  /** Whether a user consented to detach policies that `allowedPolicyArns` no longer allows. */
  readonly detachesDisallowed: boolean;
  /** AWS region of the cluster. */
  readonly region: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Whether inline policies that others added to a role are removed. */
  readonly strictInline: boolean;
  /** Longest validity of a proof while nothing changes, in milliseconds. */
  readonly proofIntervalMs: number;
  readonly quotas: { readonly policiesPerRole: number; readonly trustPolicySize: number };
};

export type ClusterState =
  | { readonly ok: true; readonly facts: ClusterFacts }
  | { readonly ok: false; readonly reason: string; readonly message: string };

/** Last failure of one step. It is kept until the step succeeds or the account's spec changes. */
export type StepFailure = {
  readonly code: IdentityErrorCode;
  readonly message: string;
  readonly at: number;
  readonly attempts: number;
  readonly retryAt: number;
};

/**
 * Last proof or confirmation for a target. The key identifies the proven state; an empty key means that the proof or confirmation
 * failed.
 */
export type ProofRecord = {
  readonly key: string;
  readonly at: number;
  readonly roleArn?: string;
  /**
   * Time by which a proof from the status has to be repeated, because a status can be forged. Absent for proofs of this process.
   */
  readonly renewAt?: number;
};

/** Last-synced spec of a role: its last desired state that was reached, including its attachments. */
export type LastSyncedRole = {
  readonly spec: RoleSpec;
  readonly policyArns: readonly string[];
  /** Document of the account's statements; absent if it has none. */
  readonly inlinePolicy?: string;
};

export type AccountWorld = {
  /** Current time on the monotonic clock, which all other times of type `Monotonic` use. */
  readonly now: Monotonic;
  /** The same moment as `now` on the wall clock, which the times in the status use. */
  readonly date: Wall;
  readonly account: LinkedServiceAccount;
  /**
   * Creation time, in milliseconds since the epoch, of the newest admission policy among those that check the right to grant an
   * account's permissions. Infinity while one of these policies is missing; absent if the operator does not require them.
   */
  readonly admittedSince?: Wall;
  readonly cluster: ClusterState;
  /** Quarantines that name the account. A Quarantine that names no pods cuts off the whole account. */
  readonly quarantines: readonly ObservedQuarantine[];
  /**
   * All targets of the ClusterConfig and of the account's spec, all namespaces with a link of the account, and all targets that
   * the account's status reports as linked.
   */
  readonly targets: readonly TargetObservation[];
  /** Cached roles by name: roles that this account may use, and roles whose tags name the account. */
  readonly roles: ReadonlyMap<string, CachedRole>;
  /** Running pods, in any namespace, that hold the role that the account wants to adopt. */
  readonly holders: readonly RoleHolder[];
  /** Failures of steps that have not succeeded since, by step key. */
  readonly failures: ReadonlyMap<string, StepFailure>;
  /** Cached associations by target. If a target has no entry, its association has never been read. */
  readonly associations: ReadonlyMap<string, CachedAssociation>;
  /** Reason why the rollouts of the account's workloads are paused after one rollout has failed. */
  readonly rolloutBlocker?: { readonly reason: 'PausedByFailedRollout'; readonly message: string };
  /**
   * Description of the first of the account's workloads that is replacing its pods, or whose pods do not become
   * healthy.
   */
  readonly unsettledWorkload?: string;
  /** Proofs and confirmations by the key that `proofSlot` returns. */
  readonly proofs: ReadonlyMap<string, ProofRecord>;
  /** Last-synced specs by role name. Empty after a start of the operator, until the account is in sync. */
  readonly lastSynced: ReadonlyMap<string, LastSyncedRole>;
};
