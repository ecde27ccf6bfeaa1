/**
 * The EKS Pod Identity agent of a node. Pods on the node that use Pod Identity get their credentials from this agent.
 * Source: EKS User Guide, "Learn how EKS Pod Identity grants pods access to AWS services".
 */
import type { ObjectMeta } from '../k8s/metadata.ts';
import { isFinished, isOnFargate, isTerminating, type Pod } from './pod.ts';

/**
 * Label with the compute type of a node that is not a plain EC2 node: `auto`, `fargate` or `hybrid`. EKS sets it when the node
 * registers.
 * Source: EKS User Guide, "Control if a workload is deployed on EKS Auto Mode nodes" and "Configure add-ons for hybrid nodes".
 */
const computeTypeLabel = 'eks.amazonaws.com/compute-type';

/** The fields of a node that matter for the agent. `computeType` is the value of `computeTypeLabel`. */
export type AgentNode = { readonly computeType?: string };

export function agentNodeOf({ metadata: { labels } }: { readonly metadata: ObjectMeta }): AgentNode {
  const computeType = labels?.[computeTypeLabel];
  return computeType === undefined ? {} : { computeType };
}

/**
 * - `serves`: a pod on the node gets credentials.
 * - `changing`: the node's agent is starting or terminating, or the pod has no node yet.
 * - `unread`: no agent pod runs on the node, and it is unknown whether the node belongs to EKS Auto Mode.
 * - `missing`: a pod on the node gets no credentials. `computeType` is the compute type of the node, if known.
 */
export type AgentState =
  | { readonly state: 'serves' | 'changing' }
  | { readonly state: 'unread'; readonly node: string }
  | { readonly state: 'missing'; readonly node?: string; readonly computeType?: string };

export type AgentLookup = {
  /** Agent pods on the node of this name. */
  readonly agentsOn: (node: string) => readonly Pod[];
  /** The node of this name; undefined if the node was not read. */
  readonly nodeOf: (name: string) => AgentNode | undefined;
};

/** State of the agent that gives credentials to the pod: the agent on the pod's node. */
export function agentFor(pod: Pod, lookup: AgentLookup): AgentState {
  if (isOnFargate(pod)) return { state: 'missing', computeType: 'fargate' };
  const node = pod.spec?.nodeName;
  return node === undefined ? { state: 'changing' } : agentOf(node, lookup);
}

/** State of the agent on a node. */
export function agentOf(name: string, { agentsOn, nodeOf }: AgentLookup): AgentState {
  const agents = agentsOn(name).filter((pod) => !isFinished(pod));
  if (agents.some(isServing)) return { state: 'serves' };
  if (agents.some((pod) => isTerminating(pod) || isStarting(pod))) return { state: 'changing' };
  const node = nodeOf(name);
  if (node === undefined) return { state: 'unread', node: name };
  const { computeType } = node;
  if (computeType === 'auto') return { state: 'serves' };
  return { state: 'missing', node: name, ...(computeType === undefined ? {} : { computeType }) };
}

/**
 * Whether the agent pod can give credentials to pods. The readiness of its containers counts, because only the kubelet
 * changes it. The condition `Ready` does not count: Kubernetes sets it to false when a node is unreachable, so an
 * unreachable node would look like a node without an agent.
 */
function isServing(pod: Pod): boolean {
  const { phase, containerStatuses = [] } = pod.status ?? {};
  return (
    phase === 'Running' && !isTerminating(pod) && containerStatuses.every(({ ready }) => ready !== false)
  );
}

/** Whether the agent pod is in its first start, and none of its containers has failed. */
function isStarting({ status }: Pod): boolean {
  const { phase = 'Pending', initContainerStatuses = [], containerStatuses = [] } = status ?? {};
  return (
    phase === 'Pending' &&
    [...initContainerStatuses, ...containerStatuses].every(
      ({ restartCount = 0, state }) =>
        restartCount === 0 && beforeStart.includes(state?.waiting?.reason ?? 'ContainerCreating'),
    )
  );
}

/** Waiting reasons of containers that start normally. Source: kubelet, `PodInitializing` and `ContainerCreating`. */
const beforeStart: readonly string[] = ['PodInitializing', 'ContainerCreating'];
