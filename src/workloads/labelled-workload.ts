/**
 * Labelled workloads: workloads that belong to no App and have the label that requests a restart when their account has
 * a new identity. The operator writes the identity's mark into the pod template, and changes nothing else. A workload
 * whose pods already hold the identity is not restarted. A pod template that already has the mark is not written again.
 */
import { appLabel, type LinkedServiceAccount } from '../api/index.ts';
import { deployedAccount, deployedMark, type Deployment } from './deployment.ts';
import { identityGate, type Identity } from './identity-gate.ts';
import { isCurrent } from './pod-identity.ts';
import { podToReplace } from './pod-replacement.ts';
import { isActive, templateHashLabel, type Pod } from './pod.ts';
import { rolloutOf, evaluateRollout, type Rollout } from './rollout.ts';
import type { ReplacePodStep } from './steps.ts';
import type { RolloutMember } from './rollout-group.ts';
import type { Wall } from '../k8s/time.ts';

export type Workload = Omit<Deployment, 'spec' | 'status'> & {
  readonly spec?: Deployment['spec'] & {
    /** Set only in Deployments. */
    readonly paused?: boolean;
    /** Set only in StatefulSets and DaemonSets. */
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

/**
 * Whether the workload can be restarted by label. Deployments of Apps are excluded, since the operator rolls them with
 * their App.
 */
export function isLabelledWorkload({ metadata }: Workload): boolean {
  return metadata.labels?.[appLabel] === undefined;
}

export function workloadId({ kind, metadata }: Pick<Workload, 'kind' | 'metadata'>): string {
  return `${kind} ${metadata.namespace}/${metadata.name}`;
}

/**
 * Whether the workload owns the pod. A pod of a Deployment belongs to a ReplicaSet, whose name consists of the
 * Deployment's name and the template hash.
 */
export function isPodOf({ kind, metadata }: Workload, pod: Pod): boolean {
  const owner = pod.metadata.ownerReferences?.find((reference) => reference.controller);
  if (!owner || pod.metadata.namespace !== metadata.namespace) return false;
  if (kind !== 'Deployment') return owner.uid === metadata.uid;
  const hash = pod.metadata.labels?.[templateHashLabel];
  return owner.kind === 'ReplicaSet' && hash !== undefined && owner.name === `${metadata.name}-${hash}`;
}

/** State of one workload. */
export type WorkloadObservation = {
  readonly workload: Workload;
  /** Account that the pods of the workload use, if it exists. */
  readonly account: LinkedServiceAccount | undefined;
  /** Pods of the workload. */
  readonly pods: readonly Pod[];
  readonly now: Wall;
};

type IdentityState = {
  readonly identity: Identity | undefined;
  readonly wants: boolean;
  readonly hasWanted: boolean;
  readonly rollout: Rollout;
};

function identityStateOf({ workload, account, pods, now }: WorkloadObservation): IdentityState {
  const gate = identityGate({
    account: deployedAccount(workload),
    linkedServiceAccount: account,
    target: workload.metadata.namespace ?? '',
    deployedMark: deployedMark(workload),
  });
  const identity = gate.open ? gate.identity : undefined;
  const running = pods.filter(isActive);
  const missed = identity ? running.filter((pod) => !isCurrent(pod, identity)) : [];
  const isMarked = identity !== undefined && deployedMark(workload) === identity.mark;
  const rollout = workloadRollout(workload, pods, now);
  return {
    identity,
    wants: missed.length > 0 && !isMarked && replacesPods({ workload }),
    hasWanted: isMarked || (identity !== undefined && missed.length === 0),
    // The rollout counts as in progress until all pods that have the identity's mark but were created without the
    // identity are replaced.
    rollout:
      rollout.state === 'Ready' && isMarked && missed.length > 0 && replacesPods({ workload })
        ? { ...rollout, state: 'Progressing' }
        : rollout,
  };
}

/** Whether a change of the pod template replaces the workload's pods. */
export function replacesPods({ workload: { spec } }: Pick<WorkloadObservation, 'workload'>): boolean {
  return !spec?.paused && spec?.updateStrategy?.type !== 'OnDelete';
}

export function workloadMember(observation: WorkloadObservation, rank: number): RolloutMember {
  const { wants, hasWanted, rollout } = identityStateOf(observation);
  const states = { Ready: 'steady', Progressing: 'rolling', Failed: 'failed' } as const;
  return {
    id: workloadId(observation.workload),
    wants,
    hasWanted,
    // A workload that does not replace its pods counts as steady, so that it does not block other workloads: its owner
    // may have postponed the replacement forever.
    state: replacesPods(observation) ? states[rollout.state] : 'steady',
    rank,
  };
}

export type WorkloadStep =
  /**
   * `restart`: writes the identity's mark into the pod template, after a dry-run pod of the template has received the
   * identity.
   */
  { readonly kind: 'restart'; readonly workload: Workload; readonly identity: Identity } | ReplacePodStep;

/** @param hasSlot whether the workload is permitted to roll to another identity now */
export function planWorkload(observation: WorkloadObservation, hasSlot: boolean): readonly WorkloadStep[] {
  const { workload, pods } = observation;
  const { identity, wants, rollout } = identityStateOf(observation);
  if (!identity) return [];
  if (wants) return hasSlot ? [{ kind: 'restart', workload, identity }] : [];
  return podToReplace({ deployment: workload, isRolledOut: rollout.reason === 'Available', identity, pods });
}

function workloadRollout(workload: Workload, pods: readonly Pod[], now: Wall): Rollout {
  const { kind, spec, status = {} } = workload;
  switch (kind) {
    case 'StatefulSet': {
      const wanted = spec?.replicas ?? 1;
      return evaluateRollout(workload, wanted, statefulSetProgress(wanted, workload), pods, now);
    }
    case 'DaemonSet': {
      const { desiredNumberScheduled: wanted = 0, updatedNumberScheduled = 0, numberAvailable = 0 } = status;
      const progress =
        updatedNumberScheduled < wanted
          ? `${updatedNumberScheduled} of ${wanted} new pods have been created`
          : numberAvailable < wanted
            ? `${numberAvailable} of ${wanted} pods are available`
            : undefined;
      return evaluateRollout(workload, wanted, progress, pods, now);
    }
    default:
      return rolloutOf(workload, pods, now);
  }
}

/**
 * Missing part of the rollout, as `kubectl rollout status` reports it; undefined if the rollout is complete. With a
 * partition, only pods whose ordinal is at least the partition are updated.
 */
function statefulSetProgress(wanted: number, { spec, status = {} }: Workload): string | undefined {
  const { updatedReplicas = 0, readyReplicas = 0, currentRevision, updateRevision } = status;
  const toUpdate = Math.max(0, wanted - (spec?.updateStrategy?.rollingUpdate?.partition ?? 0));
  if (currentRevision !== updateRevision && updatedReplicas < toUpdate)
    return `${updatedReplicas} of ${toUpdate} new replicas have been created`;
  return readyReplicas < wanted ? `${readyReplicas} of ${wanted} replicas are ready` : undefined;
}
