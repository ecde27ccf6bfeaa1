/**
 * Messages and constants that the server of `kon console` and the page share. Rows summarize objects for lists; for one
 * object, the page requests the same documents that the command line prints with `-o json`.
 */
import type {
  IdentityMode,
  LastUsed,
  PermissionStatement,
  PolicyStatus,
  QuarantinedPodStatus,
  StatementsStatus,
  TargetStatus,
} from '../../api/linked-service-account.ts';
import type { Condition } from '../../k8s/conditions.ts';
import type { PodIdentity } from '../../workloads/pod-identity.ts';
import type { Happening } from '../commands/account/history/timeline.ts';
import type { CliError } from '../framework/errors.ts';
import type { Problem } from '../framework/wait/progress.ts';

type Status = Condition['status'];

/**
 * `proven`: the last token exchange succeeded for the current spec. `awaiting`: everything is in place, and the
 * exchange by the first pod will be the proof. `failed`: STS or a check denied the exchange. `unknown`: not checked, or
 * checked only for an older spec.
 */
export type ProofState = 'proven' | 'awaiting' | 'failed' | 'unknown';

/** Target of an account, as its status reports it. */
export type TargetRow = Pick<
  TargetStatus,
  'name' | 'linked' | 'provenAt' | 'roleArn' | 'pods' | 'reason' | 'message'
> & { readonly proof: ProofState; readonly mode: IdentityMode };

/** Links of the chain from an account to its pods, in the order of their creation. */
export const chainLinks = ['role', 'policies', 'targets', 'proof', 'workloads'] as const;
export type ChainLink = (typeof chainLinks)[number];

export type Blocker = Problem & {
  /** First failed link of the chain; `account` if the cause lies before all links, e.g. a missing ClusterConfig. */
  readonly link: ChainLink | 'account';
  /** Advice that `kon account show` prints, best first. */
  readonly next: readonly string[];
};

/**
 * `requested`: a Quarantine exists, but some roles of the account do not deny all sessions yet. `in force`: all roles
 * deny all sessions. `ending`: the Quarantines were deleted, but the account still has no access.
 */
export type QuarantineState = {
  readonly state: 'requested' | 'in force' | 'ending';
  /** Empty if the user is not permitted to read Quarantines. */
  readonly requests: readonly {
    readonly name: string;
    /** RFC 3339 time when the Quarantine was created. */
    readonly since?: string;
    /** Name of the user who requested the quarantine, verified by admission. */
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
  /** Number of the account's own statements. */
  readonly statements: number;
  readonly apps: readonly string[];
  readonly roleArn?: string;
  readonly blocker?: Blocker;
  readonly quarantine?: QuarantineState;
  /** Pods that a Quarantine names, as the operator reports them; absent if there are none. */
  readonly quarantinedPods?: readonly QuarantinedPodStatus[];
  /** Last use of the account's roles; absent while it is unknown. */
  readonly lastUsed?: LastUsed;
};

export type PodRow = {
  readonly namespace: string;
  readonly name: string;
  readonly serviceAccount: string;
  /** Account that manages this ServiceAccount, if any. */
  readonly account?: string;
  readonly app?: string;
  /** State of the pod's identity, as `kon app pods` shows it. `unknown`: the accounts have not been read. */
  readonly identity: PodIdentity['state'] | 'unexpected' | 'none wanted' | 'unknown';
  readonly holds?: string;
  /** Source of the pod's AWS credentials. `node role`: the pod has no AWS identity of its own. */
  readonly mechanism: 'IRSA' | 'Pod Identity' | 'own credentials' | 'node role';
  readonly state: string;
  readonly ready: boolean;
  readonly restarts: number;
  readonly created?: string;
  /** Entry for the pod in the status of its account, if a Quarantine names the pod. */
  readonly quarantine?: QuarantinedPodStatus;
};

/** Loading state of one kind of object. */
export type SourceState =
  | { readonly state: 'loading' | 'live' }
  /** Reason why the kind cannot be read, e.g. a missing right. */
  | (WireError & { readonly state: 'failed' });

export const sources = ['accounts', 'apps', 'targets', 'pods', 'events', 'quarantines'] as const;
export type Source = (typeof sources)[number];

/** One message of the stream: rows to add or replace, and names to remove. */
export type FeedMessage = {
  /** All rows received before this message are outdated. */
  readonly reset?: true;
  readonly accounts?: readonly AccountRow[];
  readonly pods?: readonly PodRow[];
  readonly targets?: readonly string[];
  readonly removed?: { readonly accounts?: readonly string[]; readonly pods?: readonly string[] };
  readonly status?: Readonly<Record<Source, SourceState>>;
  /** New Events have arrived, so timelines are outdated. */
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
  /** Prefix of the commands that the page shows, e.g. `kon --context NAME`. */
  readonly kon: string;
};

/** Error as `kon -o json` prints it. */
export type WireError = Pick<CliError, 'message' | 'details' | 'next'> & { readonly code: string };

export type Change = Happening & { readonly account: string };

/** Changes, newest first. `total` also counts the changes that are not in `items`. */
export type Changes = { readonly items: readonly Change[]; readonly total: number };

/** Policies of an account, as `kon account show` lists them. */
export type AccountPolicies = {
  readonly items: readonly PolicyStatus[];
  /** Permission statements of the account itself. */
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

/**
 * Effect of an action, as the command line prints it before the confirmation, and the permissions that the user lacks
 * for the action.
 */
export type Proposal = {
  /** Effect of the action; absent if the user lacks a permission that is needed to compute the effect. */
  readonly consequence?: string;
  /** Missing permissions, each in the form `delete pods in namespace staging`. */
  readonly missingRights: readonly string[];
};

export type QuarantineProposals = {
  readonly quarantine: Proposal;
  readonly release: Proposal;
  /** Proposal to release the account after its pods are deleted. */
  readonly releaseWithPods: Proposal;
};

/** Effect of an action on running pods. */
export type Impact = {
  /** Lines that `kon account delete` prints before the confirmation. */
  readonly deletion: readonly string[];
  /** Absent if the pods cannot be read. */
  readonly targets?: readonly { readonly name: string; readonly pods: readonly string[] }[];
};
