/** Data about each kind: its name on the command line and its API resource. */
import { apps, clusterConfigs, linkedServiceAccounts } from '../../api/resources.ts';
import type { App } from '../../api/app.ts';
import type { ClusterConfig } from '../../api/cluster-config.ts';
import type { LinkedServiceAccount } from '../../api/linked-service-account.ts';
import { findCondition, type Condition } from '../../k8s/conditions.ts';
import type { Resource } from '../../kube/index.ts';

export type KonObject = LinkedServiceAccount | App | ClusterConfig;

type Advice = {
  readonly list: string;
  readonly show: (name: string) => string;
  readonly edit: (name: string) => string;
  readonly create?: (name: string) => string;
};

/** `T` is the TypeScript type of the kind's objects; no field holds `T` at run time. */
export type Kind<T extends KonObject = KonObject> = {
  readonly resource: Resource;
  /** Name of the kind in texts for people. */
  readonly noun: string;
  /** Commands that error messages suggest as next steps. */
  readonly advice: Advice;
  readonly objects?: T;
};

const adviceOf = (noun: string, show: string): Required<Advice> => ({
  list: `kon ${noun} list`,
  show: (name) => `kon ${noun} ${show} ${name}`,
  edit: (name) => `kon ${noun} edit ${name}`,
  create: (name) => `kon ${noun} create ${name}`,
});

export const accountKind: Kind<LinkedServiceAccount> & { readonly advice: Required<Advice> } = {
  resource: linkedServiceAccounts,
  noun: 'account',
  advice: adviceOf('account', 'show'),
};

export const appKind: Kind<App> = {
  resource: apps,
  noun: 'app',
  advice: adviceOf('app', 'status'),
};

/** ClusterConfig has no commands of its own: a cluster has only one ClusterConfig, which seldom changes. */
export const clusterConfigKind: Kind<ClusterConfig> = {
  resource: clusterConfigs,
  noun: 'cluster config',
  advice: {
    list: 'kubectl get clusterconfigs',
    show: (name) => `kubectl get clusterconfig ${name} -o yaml`,
    edit: (name) => `kubectl edit clusterconfig ${name}`,
  },
};

export const kinds: readonly Kind[] = [accountKind, appKind, clusterConfigKind];

/** Formats the name of an object in results as kubectl does: `linkedserviceaccount/myaccount`. */
export function nameOf(kind: Kind, name: string): string {
  return `${kind.resource.kind.toLowerCase()}/${name}`;
}

export const readyOf = (object: KonObject): Condition | undefined =>
  findCondition(object.status?.conditions, 'Ready');
