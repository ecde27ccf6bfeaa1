/** Clients and caches that the execution of an account's steps uses. */
import type { LinkedServiceAccount } from '../../api/index.ts';
import type { AssociationStore, IdentityProver, PodIdentityProver, RoleStore } from '../../identity/index.ts';
import type { Monotonic } from '../../k8s/time.ts';
import type { KubeClient, KubeObject } from '../../kube/index.ts';
import type { AssociationCache } from '../observed-state/associations.ts';
import type { NodeCache } from '../observed-state/nodes.ts';
import type { RoleCache } from '../observed-state/roles.ts';
import type { WriteThroughCache } from '../observed-state/write-through-cache.ts';

export type StepTools = {
  readonly client: KubeClient;
  readonly roles: RoleStore;
  readonly prover: IdentityProver;
  /** @throws IdentityError if the cluster is not an EKS cluster */
  readonly podIdentity: () => {
    readonly associations: AssociationStore;
    readonly prover: PodIdentityProver;
  };
  /**
   * Returns why the pods of one of the account's workloads cannot be replaced now, or undefined if the pods of all its
   * workloads can be replaced.
   */
  readonly replacementBlocker: (account: string, signal: AbortSignal) => Promise<string | undefined>;
  readonly roleCache: RoleCache;
  readonly associationCache: AssociationCache;
  readonly accounts: WriteThroughCache<LinkedServiceAccount>;
  readonly serviceAccounts: WriteThroughCache<KubeObject>;
  readonly nodes: NodeCache;
  readonly now: () => Monotonic;
};
