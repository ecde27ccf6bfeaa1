/** Input of the planner: everything observed about one account. */
import type { IdentityMode, LinkedServiceAccount } from '../../api/index.ts';
import type { IdentityErrorCode } from './errors.ts';
import type { Problem } from './problem.ts';
import type { Monotonic, Wall } from '../../k8s/time.ts';

/** Settings of a role that IAM reads and writes together (GetRole, UpdateRole), and that listings leave out. */
export type RoleSettings = {
  readonly description: string;
  /** Seconds. */
  readonly maxSessionDuration: number;
};

/** A role as it should be, without its attachments. */
export type RoleSpec = RoleSettings & {
  readonly name: string;
  readonly path: string;
  readonly trustPolicy: string;
  readonly permissionsBoundaryArn?: string;
  readonly tags: Readonly<Record<string, string>>;
};

/** A role as IAM shows it. A setting is undefined until the role itself was read. */
export type ObservedRole = Partial<RoleSettings> & {
  readonly name: string;
  readonly arn: string;
  /** IAM's unique id, `AROA…`: a recreated role of the same name has another. */
  readonly id: string;
  readonly path: string;
  /** The trust policy, decoded JSON. */
  readonly trustPolicy: string;
  readonly attachedPolicyArns: readonly string[];
  readonly inlinePolicyNames: readonly string[];
  readonly permissionsBoundaryArn?: string;
  readonly tags: Readonly<Record<string, string>>;
};

/**
 * Cached state of a role name, with its source: `write` by this process, `read` of this role, or `list`, a bulk listing, which
 * may be stale.
 */
export type CachedRole = {
  /** Null: there is no role of this name. */
  readonly role: ObservedRole | null;
  readonly source: 'write' | 'read' | 'list';
  /** When the trust policy was last written by us, in milliseconds; a proof right after may still fail. */
  readonly trustWrittenAt?: number;
  /**
   * Time from which a read is reliable, in milliseconds. Set after a write of unknown outcome, and while a missing role may have
   * been created so recently that IAM has not propagated it.
   */
  readonly readAgainAt?: number;
};

/** An EKS Pod Identity association of a ServiceAccount. */
export type ObservedAssociation = {
  readonly id: string;
  readonly arn: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Absent if unknown: listings omit it. */
  readonly details?: {
    readonly roleArn: string;
    readonly tags: Readonly<Record<string, string>>;
    /** Pods' sessions then do not say whose they are, and no trust policy that asks for it lets them in. */
    readonly withoutSessionTags: boolean;
  };
};

/**
 * Cached state of a ServiceAccount's association, with its source: `write` by this process, not yet seen to take effect; `read` of
 * this association; `list`, a listing; `unknown` after a write of unknown outcome.
 */
export type CachedAssociation = {
  /** Null: there is none, as far as is known. */
  readonly association: ObservedAssociation | null;
  readonly source: 'write' | 'read' | 'list' | 'unknown';
};

/** A ServiceAccount of the account's name in a target. */
export type ObservedServiceAccount = {
  readonly uid: string;
  readonly resourceVersion: string;
  /** The value of our label: the account that it belongs to, if any. */
  readonly account?: string;
  /** We created it, so unlinking deletes it. */
  readonly created: boolean;
  readonly roleArn?: string;
  /** Field manager that last set the role's annotation. */
  readonly roleArnManager?: string;
  readonly audience?: string;
};

/** A running pod that uses the account's ServiceAccount. */
export type AccountUser = {
  readonly pod: string;
  /** Its creator: `app myapp`, `ReplicaSet/x`, `Job/y`, or nothing for a bare pod. */
  readonly workload?: string;
};

/** A running pod of any namespace that holds a role by web identity. */
export type RoleHolder = {
  readonly namespace: string;
  readonly pod: string;
  readonly serviceAccount: string;
};

export type PodCounts = { readonly current: number; readonly stale: number; readonly uninjected: number };

export type TargetObservation = {
  /** The target's name, which is its namespace's. */
  readonly name: string;
  readonly namespace: 'present' | 'missing' | 'terminating';
  readonly serviceAccount?: ObservedServiceAccount;
  readonly users: readonly AccountUser[];
  readonly pods: PodCounts;
  readonly held: HeldIdentities;
};

/** Identities that running pods of the ServiceAccount hold, whether or not they are the desired one. */
export type HeldIdentities = {
  /** Roles by web identity, each once. */
  readonly roleArns: readonly string[];
  /** How many get their role from the Pod Identity agent. */
  readonly podIdentity: number;
  /** How many of these are ready and have an agent: without an association they lose what works. All of them by default. */
  readonly readyByPodIdentity?: number;
  /** Users that nothing replaces when the identity changes. Default: none. */
  readonly notReplaced?: readonly AccountUser[];
  /** How many pods with a web identity are replaced when the identity changes. None by default. */
  readonly replacedByRole?: number;
  /** Users whose nodes cannot have the Pod Identity agent, so that they get no credentials. Default: none. */
  readonly withoutAgent?: readonly AccountUser[];
  /** One other running pod for the token exchange. */
  readonly exchangePod?: { readonly name: string; readonly uid: string };
};

/** Resolved facts from the ClusterConfig and its cluster. */
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
  /** Why STS accepts no token of this cluster, by the last look at the IAM OIDC provider; absent while it is as it should be. */
  readonly providerProblem?: Problem;
  readonly rolePath: string;
  readonly identityMode: IdentityMode;
  readonly targets: readonly string[];
  /** Where the operator runs, if it is known: no target. */
  readonly operatorNamespace?: string;
  readonly permissionsBoundaryArn?: string;
  readonly allowedPolicyArns?: readonly string[];
  /** Consent to detach policies that `allowedPolicyArns` no longer allows. */
  readonly detachesDisallowed: boolean;
  readonly tags: Readonly<Record<string, string>>;
  /** Inline policies that others put on a role are removed. */
  readonly strictInline: boolean;
  readonly quotas: { readonly policiesPerRole: number; readonly trustPolicySize: number };
};

export type ClusterState =
  | { readonly ok: true; readonly facts: ClusterFacts }
  | { readonly ok: false; readonly reason: string; readonly message: string };

/** The last failure of one step. It stands until the step succeeds or the account's spec changes. */
export type StepFailure = {
  readonly code: IdentityErrorCode;
  readonly message: string;
  readonly at: number;
  readonly attempts: number;
  readonly retryAt: number;
};

/** The last proof or confirmation for a target: of what, when, and that it held; of nothing, when the key is empty. */
export type ProofRecord = {
  readonly key: string;
  readonly at: number;
  readonly roleArn?: string;
  /** Taken from the status at the start of the process; has to be repeated by then, since a status can be forged. */
  readonly renewAt?: number;
};

/** The whole role as it should be. */
export type LastSyncedRole = { readonly spec: RoleSpec; readonly policyArns: readonly string[] };

export type AccountWorld = {
  /** The clock of all other times in here. */
  readonly now: Monotonic;
  /** The same moment as `now`, by the wall clock, which the times in the status use. */
  readonly date: Wall;
  readonly account: LinkedServiceAccount;
  /**
   * Creation of the youngest admission policy that guards what accounts grant, in milliseconds since the epoch. Infinity while one
   * is missing; absent where the operator does not require them.
   */
  readonly admittedSince?: Wall;
  readonly cluster: ClusterState;
  /** Every target of the ClusterConfig, every one the spec names, every namespace that holds a link of this account, and every one that its status reports as linked. */
  readonly targets: readonly TargetObservation[];
  /** Cached roles by name: those that this account may use, and those whose tags name it. */
  readonly roles: ReadonlyMap<string, CachedRole>;
  /** Running pods that hold the role which the account is to adopt. */
  readonly holders: readonly RoleHolder[];
  /** Failures by step key. */
  readonly failures: ReadonlyMap<string, StepFailure>;
  /** Cached associations by target. A missing target was never requested. */
  readonly associations: ReadonlyMap<string, CachedAssociation>;
  /** Why workloads of the account do not get on to its identity, when one of them stops the others. */
  readonly rolloutBlocker?: { readonly reason: 'PausedByFailedRollout'; readonly message: string };
  /** The first workload of the account whose pods are being replaced or do not get healthy, in words. */
  readonly unsettledWorkload?: string;
  /** Proofs by slot, see `proofSlot`. */
  readonly proofs: ReadonlyMap<string, ProofRecord>;
  /** Last-synced specs by role name. Empty right after a start. */
  readonly lastSynced: ReadonlyMap<string, LastSyncedRole>;
};
