/**
 * Workloads that are not an App's, and ask by a label to be restarted when the identity of their account changes: their
 * pod template is given the mark of the identity, and nothing else of them is touched. Pods that already hold the
 * identity are reason for none, and a template that has the mark is never given it again.
 */
import { appLabel, type LinkedServiceAccount } from '../api/index.ts';
import { deployedAccount, deployedMark, type Deployment } from './deployment.ts';
import { identityGate, type Identity } from './identity-gate.ts';
import { isCurrent } from './pod-identity.ts';
import { podToReplace } from './pod-replacement.ts';
import { isFinished, isTerminating, templateHashLabel, type Pod } from './pod.ts';
import { rolloutOf, verdict, type Rollout } from './rollout.ts';
import type { ReplacePodStep } from './steps.ts';
import type { RolloutMember } from './rollout-group.ts';
import type { Wall } from '../k8s/time.ts';

export type Workload = Omit<Deployment, 'spec' | 'status'> & {
  readonly spec?: Deployment['spec'] & {
    /** Deployments alone. */
    readonly paused?: boolean;
    /** StatefulSets and DaemonSets. */
    readonly updateStrategy?: {
      readonly type?: string;
      readonly rollingUpdate?: { readonly partition?: number };
    };
  };
  readonly status?: Deployment['status'] & {
    readonly currentRevision?: string;
    readonly updateRevision?: string;
    readonly desiredNumberScheduled?: number;
    readonly updatedNumberScheduled?: number;
    readonly numberAvailable?: number;
  };
};

/** An App sees to its own Deployment. */
export function isLabelledWorkload({ metadata }: Workload): boolean {
  return metadata.labels?.[appLabel] === undefined;
}

export function workloadId({ kind, metadata }: Pick<Workload, 'kind' | 'metadata'>): string {
  return `${kind} ${metadata.namespace}/${metadata.name}`;
}

/** Whether the workload made this pod. A Deployment's pods are made by a ReplicaSet, which is named after both. */
export function isPodOf({ kind, metadata }: Workload, pod: Pod): boolean {
  const owner = pod.metadata.ownerReferences?.find((reference) => reference.controller);
  if (!owner || pod.metadata.namespace !== metadata.namespace) return false;
  if (kind !== 'Deployment') return owner.uid === metadata.uid;
  const hash = pod.metadata.labels?.[templateHashLabel];
  return owner.kind === 'ReplicaSet' && hash !== undefined && owner.name === `${metadata.name}-${hash}`;
}

/** What is seen of one workload. */
export type WorkloadObservation = {
  readonly workload: Workload;
  /** The account that its pods use, when it exists. */
  readonly account: LinkedServiceAccount | undefined;
  /** Those which it made. */
  readonly pods: readonly Pod[];
  /** Milliseconds since the epoch. */
  readonly now: Wall;
};

type IdentityStanding = {
  readonly identity: Identity | undefined;
  readonly wants: boolean;
  readonly hasWanted: boolean;
  readonly rollout: Rollout;
};

function standingOf({ workload, account, pods, now }: WorkloadObservation): IdentityStanding {
  const gate = identityGate({
    account: deployedAccount(workload),
    linkedServiceAccount: account,
    target: workload.metadata.namespace ?? '',
    deployedMark: deployedMark(workload),
  });
  const identity = gate.open ? gate.identity : undefined;
  const running = pods.filter((pod) => !isFinished(pod) && !isTerminating(pod));
  const missed = identity ? running.filter((pod) => !isCurrent(pod, identity)) : [];
  const isMarked = identity !== undefined && deployedMark(workload) === identity.mark;
  const rollout = workloadRollout(workload, pods, now);
  return {
    identity,
    wants: missed.length > 0 && !isMarked && rolloutBlocker(workload) === undefined,
    hasWanted: isMarked || (identity !== undefined && missed.length === 0),
    // Made anew from a template with the mark, and yet without the identity: they are replaced.
    rollout:
      rollout.state === 'Ready' && isMarked && missed.length > 0 && rolloutBlocker(workload) === undefined
        ? { ...rollout, state: 'Progressing' }
        : rollout,
  };
}

/** Why a change of the pod template would make no pod anew; undefined when it would. */
function rolloutBlocker({ spec }: Workload): 'OnDelete' | 'paused' | undefined {
  if (spec?.paused) return 'paused';
  return spec?.updateStrategy?.type === 'OnDelete' ? 'OnDelete' : undefined;
}

/** Whether a change of the pod template replaces the workload's pods. */
export function replacesPods({ workload }: WorkloadObservation): boolean {
  return rolloutBlocker(workload) === undefined;
}

export function workloadMember(observation: WorkloadObservation, rank: number): RolloutMember {
  const { wants, hasWanted, rollout } = standingOf(observation);
  const states = { Ready: 'steady', Progressing: 'rolling', Failed: 'failed' } as const;
  return {
    id: workloadId(observation.workload),
    wants,
    hasWanted,
    // Its owner has put off the change of its pods, perhaps for ever.
    state: rolloutBlocker(observation.workload) ? 'steady' : states[rollout.state],
    rank,
  };
}

export type WorkloadStep =
  /** The mark is to be put into the pod template, once a pod made of it, in a dry run, turns out to get the identity. */
  { readonly kind: 'restart'; readonly workload: Workload; readonly identity: Identity } | ReplacePodStep;

/** @param hasSlot whether it may take up another identity now */
export function planWorkload(observation: WorkloadObservation, hasSlot: boolean): readonly WorkloadStep[] {
  const { workload, pods } = observation;
  const { identity, wants, rollout } = standingOf(observation);
  if (!identity) return [];
  if (wants) return hasSlot ? [{ kind: 'restart', workload, identity }] : [];
  return podToReplace({
    deployment: workload,
    isRolledOut: rollout.reason === 'Available',
    identity,
    pods,
  });
}

function workloadRollout(workload: Workload, pods: readonly Pod[], now: Wall): Rollout {
  const { kind, spec, status = {} } = workload;
  switch (kind) {
    case 'StatefulSet': {
      const wanted = spec?.replicas ?? 1;
      return verdict(workload, wanted, statefulSetProgress(wanted, workload), pods, now);
    }
    case 'DaemonSet': {
      const { desiredNumberScheduled: wanted = 0, updatedNumberScheduled = 0, numberAvailable = 0 } = status;
      const progress =
        updatedNumberScheduled < wanted
          ? `${updatedNumberScheduled} of ${wanted} new pods have been made`
          : numberAvailable < wanted
            ? `${numberAvailable} of ${wanted} pods are available`
            : undefined;
      return verdict(workload, wanted, progress, pods, now);
    }
    default:
      return rolloutOf(workload, pods, now);
  }
}

/** As `kubectl rollout status` tells it: with a partition, only the pods from its ordinal on are made anew. */
function statefulSetProgress(wanted: number, { spec, status = {} }: Workload): string | undefined {
  const { updatedReplicas = 0, readyReplicas = 0, currentRevision, updateRevision } = status;
  const toUpdate = Math.max(0, wanted - (spec?.updateStrategy?.rollingUpdate?.partition ?? 0));
  if (currentRevision !== updateRevision && updatedReplicas < toUpdate)
    return `${updatedReplicas} of ${toUpdate} new replicas have been made`;
  return readyReplicas < wanted ? `${readyReplicas} of ${wanted} replicas are ready` : undefined;
}
