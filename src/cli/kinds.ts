/** What the commands have to know of each kind: how it is called on the command line, and where the API server has it. */
import { apps, clusterConfigs, linkedServiceAccounts } from '../api/resources.ts';
import type { App } from '../api/app.ts';
import type { ClusterConfig } from '../api/cluster-config.ts';
import type { LinkedServiceAccount } from '../api/linked-service-account.ts';
import type { Resource } from '../kube/index.ts';

export type KonObject = LinkedServiceAccount | App | ClusterConfig;

/** `T` is the type of the kind's objects; it is not present at run time. */
export type Kind<T extends KonObject = KonObject> = {
  readonly resource: Resource & { readonly singular: string };
  /** The noun under which its commands stand. */
  readonly noun: string;
  readonly objects?: T;
};

export const accountKind: Kind<LinkedServiceAccount> = { resource: linkedServiceAccounts, noun: 'account' };
export const appKind: Kind<App> = { resource: apps, noun: 'app' };
export const clusterConfigKind: Kind<ClusterConfig> = { resource: clusterConfigs, noun: 'cluster config' };

export const kinds: readonly Kind[] = [accountKind, appKind, clusterConfigKind];

/** `linkedserviceaccount/myaccount`: how an object is called in results, and by kubectl. */
export function nameOf(kind: Kind, name: string): string {
  return `${kind.resource.singular}/${name}`;
}
