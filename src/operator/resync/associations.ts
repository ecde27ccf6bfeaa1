/**
 * Looks at the Pod Identity associations of the cluster, at the pace that the ClusterConfig sets: by one listing, and by one
 * association after the other for what listings leave out. Where nothing uses Pod Identity too, because an association goes
 * before the annotation, whoever made it; but seldom, and at once when a pod shows that there is one.
 */
import {
  clusterState,
  IdentityError,
  type AssociationStore,
  type ClusterFacts,
} from '../../identity/index.ts';
import { identitiesHeld, serviceAccountOf, type Pod } from '../../workloads/index.ts';
import type { AssociationCache } from '../observed-state/associations.ts';
import type { OperatorContext } from '../context.ts';
import { createResync, type Resync } from './resync.ts';

/** How long EKS is not asked again where it may not be, or knows no such cluster; that may change. Milliseconds. */
const deniedForMs = 15 * 60_000;

/** By how much seldomer it is looked where nothing uses Pod Identity. */
const idleFactor = 10;

export function createAssociationResync(options: {
  readonly context: OperatorContext;
  readonly beliefs: AssociationCache;
  /** Undefined where there is no EKS. */
  readonly aws: (cluster: ClusterFacts) => AssociationStore | undefined;
  /** Called when there is something new to report of the passes. */
  readonly onChecked: () => void;
  /** Called after the first sweep of a cluster, and with the accounts whose associations seem changed after any. */
  readonly onSuspicion: (accounts: readonly string[] | 'all') => void;
}): Resync {
  const { context, beliefs, aws, onChecked, onSuspicion } = options;
  const { informers, logger, monotonic: now } = context;
  let clusterArn: string | undefined;
  let deniedAt: number | undefined;
  let denial: IdentityError | undefined;

  /** Pod Identity is wanted somewhere, or at work. */
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

  const sweep = async (
    facts: ClusterFacts,
    first: boolean,
    signal: AbortSignal,
  ): Promise<readonly string[]> => {
    if (facts.clusterArn !== clusterArn) beliefs.clear();
    ({ clusterArn } = facts);
    if (deniedAt !== undefined && !first && now() - deniedAt < deniedForMs) return [];
    const store = aws(facts);
    if (!store) return [];
    const snapshot = await store.list(signal);
    deniedAt = undefined;
    denial = undefined;
    const suspects = new Set(beliefs.learn(snapshot));
    if (first) return [...suspects];
    const next = beliefs.longestUnread();
    const startedAt = now();
    if (next && beliefs.read(next, await store.read(next, signal, next.id), startedAt))
      suspects.add(next.serviceAccount);
    return [...suspects];
  };

  /** On a cluster that is not of EKS, or without the right, there is nothing to look at, and never was. */
  const sweepIfAllowed: typeof sweep = async (facts, first, signal) => {
    try {
      return await sweep(facts, first, signal);
    } catch (error) {
      const denied =
        error instanceof IdentityError && (error.code === 'AccessDenied' || error.code === 'ClusterUnknown');
      if (!denied) throw error;
      if (deniedAt === undefined) logger.info('associations cannot be looked at', { error: error.message });
      deniedAt = now();
      denial = error;
      return [];
    }
  };

  const survey = createResync({
    name: 'associations',
    what: 'associations',
    context,
    scopeOf: ({ clusterArn: arn, identityMode }) => `${arn} ${identityMode}`,
    sweep: sweepIfAllowed,
    failure: 'associations could not be listed',
    factor: () => (isUsed() ? 1 : idleFactor),
    problem: () => denial && { error: denial },
    matters: isUsed,
    onChecked,
    onSuspicion,
  });

  informers.accounts.onChange(({ old, new: account }) => {
    const mode = account?.spec.aws.identityMode;
    if (mode === 'PodIdentity' && old?.spec.aws.identityMode !== mode) survey.soon();
  });
  informers.pods.onChange(({ old, new: pod }) => {
    if (old || !pod) return;
    const name = serviceAccountOf(pod);
    const isKnown = beliefs.namespacesOf(name).includes(pod.metadata.namespace ?? '');
    if (!isKnown && informers.accounts.store.get(name) && isAssociated(pod)) survey.soon();
  });

  // Where nothing uses Pod Identity, nobody need wait.
  return { ...survey, surveyed: () => survey.surveyed() || !isUsed() };
}

/** The webhook has found an association for it. */
function isAssociated(pod: Pod): boolean {
  return identitiesHeld(pod).some(({ kind }) => kind === 'podIdentity');
}
