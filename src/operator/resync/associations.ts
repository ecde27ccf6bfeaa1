/**
 * Resync of Pod Identity associations. Each pass lists all associations. Each pass also reads a few of them, for the
 * parts that listings omit, so that each association is read within an hour. If nothing uses Pod Identity, passes are
 * rare, but necessary, because an association created by others takes precedence over the annotation. A pass starts at
 * once when a pod shows that an association exists.
 */
import {
  clusterState,
  IdentityError,
  type AssociationStore,
  type ClusterFacts,
} from '../../identity/index.ts';
import { identitiesHeld, serviceAccountOf, type Pod } from '../../workloads/index.ts';
import type { OperatorContext } from '../context.ts';
import type { AssociationCache } from '../observed-state/associations.ts';
import type { Pass } from './resync.ts';

/**
 * Pause in milliseconds after EKS denied access or did not find the cluster. Access may be granted later, or the
 * cluster may be created.
 */
const deniedForMs = 15 * 60_000;

/** Maximum time in milliseconds until the passes have read each association once. */
const allReadWithinMs = 60 * 60_000;

/** Factor that multiplies the interval between passes while nothing uses Pod Identity. */
const idleFactor = 10;

export function createAssociationPass(options: {
  readonly context: OperatorContext;
  readonly cache: AssociationCache;
  /** Returns access to the cluster's associations in EKS, or undefined if the cluster is not an EKS cluster. */
  readonly aws: (cluster: ClusterFacts) => AssociationStore | undefined;
}): Pass {
  const { cache } = options;
  const { informers, logger, monotonic: now } = options.context;
  let clusterArn: string | undefined;
  let comparedAt = now();
  /** Set after EKS denied a listing, until a listing succeeds. */
  let denial: { readonly at: number; readonly error: IdentityError } | undefined;

  /**
   * Whether Pod Identity is used: the ClusterConfig or an account sets this identity mode, or the status of an account
   * reports it for a target.
   */
  const isUsed = (): boolean => {
    const state = clusterState(informers.clusterConfigs.store.list());
    if (state.ok && state.facts.identityMode === 'PodIdentity') return true;
    return informers.accounts.store
      .list()
      .some(
        ({ spec, status }) =>
          spec.aws.identityMode === 'PodIdentity' ||
          status?.targets?.some(({ identityMode }) => identityMode === 'PodIdentity'),
      );
  };

  const compare = async (
    store: AssociationStore,
    isFirst: boolean,
    signal: AbortSignal,
  ): Promise<readonly string[]> => {
    const suspects = cache.listed(await store.list(signal));
    denial = undefined;
    const sinceLastMs = now() - comparedAt;
    comparedAt = now();
    if (isFirst) return suspects;
    const changed: string[] = [];
    for (const next of cache.longestUnread(sinceLastMs / allReadWithinMs)) {
      const startedAt = now();
      if (cache.read(next, await store.read(next, signal, next.id), startedAt))
        changed.push(next.serviceAccount);
    }
    return [...suspects, ...changed];
  };

  return {
    name: 'associations',
    what: 'associations',
    scopeOf: ({ clusterArn: arn, identityMode }) => `${arn} ${identityMode}`,
    failure: 'cannot list associations',
    isAwaited: isUsed,
    isReported: isUsed,
    factor: () => (isUsed() ? 1 : idleFactor),
    async run(facts, isFirst, signal) {
      if (facts.clusterArn !== clusterArn) cache.clear();
      ({ clusterArn } = facts);
      const isDenied = denial !== undefined && !isFirst && now() - denial.at < deniedForMs;
      const store = isDenied ? undefined : options.aws(facts);
      try {
        return store ? { suspects: await compare(store, isFirst, signal) } : { error: denial?.error };
      } catch (error) {
        const isDenial =
          error instanceof IdentityError &&
          (error.code === 'AccessDenied' || error.code === 'ClusterUnknown');
        if (!isDenial) throw error;
        if (!denial) logger.info('cannot compare associations with EKS', { error: error.message });
        denial = { at: now(), error };
        return { error };
      }
    },
    watch(startPass) {
      informers.accounts.onChange(({ old, new: account }) => {
        const mode = account?.spec.aws.identityMode;
        if (mode === 'PodIdentity' && old?.spec.aws.identityMode !== mode) startPass();
      });
      informers.pods.onChange(({ old, new: pod }) => {
        if (old || !pod) return;
        const name = serviceAccountOf(pod);
        const isKnown = cache.namespacesOf(name).includes(pod.metadata.namespace ?? '');
        if (!isKnown && informers.accounts.store.get(name) && isAssociated(pod)) startPass();
      });
    },
  };
}

/** Whether the webhook found a Pod Identity association for the pod. */
function isAssociated(pod: Pod): boolean {
  return identitiesHeld(pod).some(({ kind }) => kind === 'podIdentity');
}
