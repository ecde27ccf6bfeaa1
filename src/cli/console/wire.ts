/**
 * Messages between the server of `kon console` and the page. The page imports types and constants from here. Rows summarize objects for
 * lists; for one object, the page requests the same documents that the command line prints with `-o json`.
 */
import type {
  IdentityMode,
  LastUsed,
  PermissionStatement,
  PolicyStatus,
  QuarantinedPodStatus,
  StatementsStatus,
} from '../../api/linked-service-account.ts';
import type { Condition } from '../../k8s/conditions.ts';
import type { PodIdentity } from '../../workloads/pod-identity.ts';

type Status = Condition['status'];

/**
 * `proven`: the last exchange succeeded for the current spec. `awaiting`: everything is in place, and the first pod proves it.
 * `failed`: STS or a check refused. `unknown`: not checked, or checked for an older spec.
 */
export type ProofState = 'proven' | 'awaiting' | 'failed' | 'unknown';

export type TargetRow = {
  readonly name: string;
  readonly linked: boolean;
  readonly proof: ProofState;
  /** RFC 3339 time of the last successful exchange. */
  readonly provenAt?: string;
  readonly mode: IdentityMode;
  readonly roleArn?: string;
  /** Pods by identity, as the operator counted them. */
  readonly pods?: { readonly current: number; readonly stale: number; readonly uninjected: number };
  readonly reason?: string;
  /** Message of the operator. After a refused exchange it contains the message of STS. */
  readonly message?: string;
};

/** Links of the chain from an account to its pods, in the order of their creation. */
export const chainLinks = ['role', 'policies', 'targets', 'proof', 'workloads'] as const;
export type ChainLink = (typeof chainLinks)[number];

export type Blocker = {
  /** First link that failed; `account` if the cause precedes all links, e.g. a missing ClusterConfig. */
  readonly link: ChainLink | 'account';
  /** Part of the object: `policy arn:…`, `target staging`. */
  readonly about?: string;
  readonly reason: string;
  readonly message: string;
  /** Advice that `kon account show` prints, best first. */
  readonly next: readonly string[];
};

/**
 * `requested`: a Quarantine exists, and the roles are not closed yet. `in force`: all roles are closed. `ending`: the
 * Quarantines were deleted, and the account is not open yet.
 */
export type QuarantineState = {
  readonly state: 'requested' | 'in force' | 'ending';
  /** Empty if the user may not read Quarantines. */
  readonly requests: readonly {
    readonly name: string;
    /** RFC 3339 time of creation. */
    readonly since?: string;
    /** Username, which admission has verified. */
    readonly requestedBy?: string;
    readonly reason?: string;
  }[];
};

export type AccountRow = {
  readonly name: string;
  readonly ready: Status;
  readonly reason: string;
  readonly message: string;
  readonly deleting: boolean;
  readonly links: Readonly<Record<ChainLink, Status>>;
  readonly targets: readonly TargetRow[];
  readonly policies: number;
  /** Number of own statements. */
  readonly statements: number;
  readonly apps: readonly string[];
  readonly roleArn?: string;
  readonly blocker?: Blocker;
  readonly quarantine?: QuarantineState;
  /** Pods that a Quarantine names, as the operator reports them; absent if there are none. */
  readonly quarantinedPods?: readonly QuarantinedPodStatus[];
  /** Absent while the last use is unknown. */
  readonly lastUsed?: LastUsed;
};

export type PodRow = {
  readonly namespace: string;
  readonly name: string;
  readonly serviceAccount: string;
  /** Account of this ServiceAccount, if any. */
  readonly account?: string;
  readonly app?: string;
  /** As in `kon app pods`. */
  readonly identity: PodIdentity['state'] | 'unexpected' | 'none wanted';
  readonly holds?: string;
  /** How the pod gets AWS credentials. `node role`: it has no identity of its own. */
  readonly mechanism: 'IRSA' | 'Pod Identity' | 'own credentials' | 'node role';
  readonly state: string;
  readonly ready: boolean;
  readonly restarts: number;
  readonly created?: string;
  /** Row of the pod in the status of its account, if a Quarantine names the pod. */
  readonly quarantine?: QuarantinedPodStatus;
};

/** State of the objects of one kind on the page. */
export type SourceState =
  | { readonly state: 'loading' | 'live' }
  /** Reason why the kind cannot be read, e.g. a missing right. */
  | (WireError & { readonly state: 'failed' });

export const sources = ['accounts', 'apps', 'targets', 'pods', 'events', 'quarantines'] as const;
export type Source = (typeof sources)[number];

/** One message of the stream: rows to add or replace, and names to remove. */
export type FeedMessage = {
  /** Everything known before this message is outdated. */
  readonly reset?: true;
  readonly accounts?: readonly AccountRow[];
  readonly pods?: readonly PodRow[];
  readonly targets?: readonly string[];
  readonly removed?: { readonly accounts?: readonly string[]; readonly pods?: readonly string[] };
  readonly status?: Readonly<Record<Source, SourceState>>;
  /** Events arrived: timelines are outdated. */
  readonly events?: true;
};

export type About = {
  readonly version: string;
  readonly mode: 'local' | 'in-cluster';
  readonly server: string;
  readonly context?: string;
  readonly cluster?: string;
  /** Name of the user according to the API server; absent if unknown. */
  readonly user?: string;
  /** Commands are shown with this prefix, e.g. `kon --context NAME`. */
  readonly kon: string;
};

/** Error as `kon -o json` prints it. */
export type WireError = {
  readonly code: string;
  readonly message: string;
  readonly details: readonly string[];
  readonly next: readonly string[];
};

export type Change = {
  readonly account: string;
  readonly time: string;
  readonly kind: 'Event' | 'Condition' | 'Written';
  readonly reason: string;
  readonly message: string;
  readonly count?: number;
  readonly warning: boolean;
};

/** Changes, newest first. `total` counts those that were left out too. */
export type Changes = { readonly items: readonly Change[]; readonly total: number };

/** Policies of an account, as `kon account show` lists them. */
export type AccountPolicies = {
  readonly items: readonly PolicyStatus[];
  /** Own permissions of the account. */
  readonly statements: readonly PermissionStatement[];
  readonly statementsStatus?: StatementsStatus;
  /** ARN of the permissions boundary that the account sets. */
  readonly boundary?: string;
};

export type PolicyDocument = {
  readonly arn: string;
  /** Source of the document: the catalogue of AWS managed policies in `kon`, or IAM. */
  readonly source: 'catalogue' | 'IAM';
  readonly document: string;
};

export type { WhoCanAnswer, WhoCanRow } from '../permissions/who-can.ts';

/** Effect of an action, as the command line prints it before it asks, and the rights that the user lacks for it. */
export type Proposal = {
  /** Absent if it cannot be computed without a missing right. */
  readonly consequence?: string;
  /** As in `delete pods in namespace staging`. */
  readonly missingRights: readonly string[];
};

export type QuarantineProposals = {
  readonly quarantine: Proposal;
  readonly release: Proposal;
  /** Release after the deletion of the account's pods. */
  readonly releaseWithPods: Proposal;
};

/** Effect of an action on running pods. */
export type Impact = {
  /** Lines that `kon account delete` prints before it asks. */
  readonly deletion: readonly string[];
  readonly targets: readonly { readonly name: string; readonly pods: readonly string[] }[];
};
