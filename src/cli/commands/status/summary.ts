/** Summarizes the state of a cluster for `kon status`. Pure. */
import type { App } from '../../../api/app.ts';
import type { ClusterConfig } from '../../../api/cluster-config.ts';
import type { LinkedServiceAccount } from '../../../api/linked-service-account.ts';
import { effectiveConfig } from '../../../identity/plan/cluster-state.ts';
import { findCondition } from '../../../k8s/conditions.ts';
import { defined } from '../../../k8s/defined.ts';
import { readyOf, kinds, type KonObject } from '../../cluster/kinds.ts';
import type { LeaseSign } from '../../cluster/operator-lease.ts';
import { isReady, problemsOf, problemText } from '../../framework/wait/progress.ts';

/** Observed objects. Each list is undefined if the user is not permitted to read these objects. */
export type Observed = {
  readonly configs: readonly ClusterConfig[] | undefined;
  readonly accounts: readonly LinkedServiceAccount[] | undefined;
  readonly apps: readonly App[] | undefined;
  readonly leases: readonly LeaseSign[] | undefined;
  /** Events about roles that were changed outside Konstellation. */
  readonly drifted:
    | readonly { readonly name: string; readonly message: string; readonly lastSeen: string }[]
    | undefined;
};

export type NotReady = {
  readonly kind: string;
  /** Name of the kind in commands: `account`. */
  readonly noun: string;
  readonly name: string;
  readonly reason: string;
  readonly message: string;
  /** Problems of the object's parts, one line each. */
  readonly problems: readonly string[];
};

export type Status = {
  readonly cluster?: {
    readonly name: string;
    readonly ready: boolean;
    readonly message: string;
    readonly region?: string;
    readonly accountId?: string;
    readonly targets: readonly string[];
  };
  readonly operator?: {
    readonly running: boolean;
    readonly holder?: string;
    readonly lease?: string;
    readonly renewedMs?: number;
  };
  readonly accounts?: Count;
  readonly apps?: Count;
  readonly notReady: readonly NotReady[];
  readonly drift: readonly { readonly name: string; readonly message: string; readonly since?: string }[];
  /** Names of the resources that the user is not permitted to read. */
  readonly unreadable: readonly string[];
};

type Count = { readonly total: number; readonly ready: number };

export function summarize(seen: Observed): Status {
  const config = effectiveConfig(seen.configs ?? []);
  const { accounts, apps, leases } = seen;
  const parts = {
    configs: 'ClusterConfigs',
    accounts: 'accounts',
    apps: 'apps',
    leases: 'Leases',
    drifted: 'Events',
  };
  return {
    ...(config ? { cluster: clusterOf(config) } : {}),
    ...(leases ? { operator: operatorOf(leases) } : {}),
    ...(accounts ? { accounts: countOf(accounts) } : {}),
    ...(apps ? { apps: countOf(apps) } : {}),
    notReady: [...(config ? [config] : []), ...(accounts ?? []), ...(apps ?? [])]
      .filter((each) => !isReady(each))
      .map(notReadyOf),
    drift: [...driftedRoles(seen), ...(accounts ?? []).flatMap(driftedPods)],
    unreadable: (Object.keys(parts) as (keyof typeof parts)[])
      .filter((part) => seen[part] === undefined)
      .map((part) => parts[part]),
  };
}

function clusterOf(config: ClusterConfig): NonNullable<Status['cluster']> {
  const ready = readyOf(config);
  const { region, accountId } = config.spec.aws;
  return {
    name: config.metadata.name,
    ready: ready?.status === 'True',
    message: ready?.message ?? 'no operator has processed the ClusterConfig',
    ...defined({ region, accountId }),
    targets: config.spec.targets,
  };
}

function operatorOf(signs: readonly LeaseSign[]): NonNullable<Status['operator']> {
  const [latest] = signs.toSorted((a, b) => a.age - b.age);
  if (!latest) return { running: false };
  return {
    running: latest.fresh,
    ...(latest.holder === '' ? {} : { holder: latest.holder }),
    lease: latest.where,
    ...(Number.isFinite(latest.age) ? { renewedMs: latest.age } : {}),
  };
}

const countOf = (objects: readonly KonObject[]): Count => ({
  total: objects.length,
  ready: objects.filter(isReady).length,
});

function notReadyOf(object: KonObject): NotReady {
  const [reason, message] = causeOf(object);
  return {
    kind: object.kind,
    noun: kinds.find(({ resource }) => resource.kind === object.kind)?.noun ?? object.kind,
    name: object.metadata.name,
    reason,
    message,
    problems: problemsOf(object)
      .filter(({ about }) => about !== undefined)
      .map(problemText),
  };
}

function causeOf(object: KonObject): readonly [reason: string, message: string] {
  const ready = readyOf(object);
  if (ready?.status === 'False') return [ready.reason, ready.message];
  if (object.metadata.deletionTimestamp !== undefined) return ['Deleting', 'is being deleted'];
  if (ready?.status === 'True') return ['NotObserved', 'the operator has not processed the change yet'];
  return [ready?.reason ?? 'NotObserved', ready?.message ?? 'no operator has processed the object yet'];
}

/** Returns the roles that currently differ from their accounts, and the roles whose drift an Event reports. */
function driftedRoles({ accounts = [], drifted = [] }: Observed): Status['drift'] {
  const now = accounts.flatMap(({ metadata: { name }, status }) => {
    const synced = findCondition(status?.conditions, 'RoleSynced');
    return synced?.reason === 'RoleDrifted'
      ? [{ name: `account ${name}`, message: synced.message, since: synced.lastTransitionTime }]
      : [];
  });
  return [
    ...now,
    ...drifted.map(({ name, message, lastSeen }) => ({ name: `account ${name}`, message, since: lastSeen })),
  ];
}

/** Returns the pods whose identity differs from their account's identity. */
function driftedPods({ metadata: { name }, status }: LinkedServiceAccount): Status['drift'] {
  return (status?.targets ?? []).flatMap((target) => {
    const { stale = 0, uninjected = 0 } = target.pods ?? {};
    if (stale + uninjected === 0) return [];
    const parts = [
      ...(stale > 0 ? [`${stale} with an older identity`] : []),
      ...(uninjected > 0 ? [`${uninjected} without an identity`] : []),
    ];
    return [{ name: `account ${name}`, message: `pods in ${target.name}: ${parts.join(', ')}` }];
  });
}
