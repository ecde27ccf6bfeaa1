/**
 * The EKS Pod Identity agent of a node, from which pods on that node get the credentials of a Pod Identity. Source: EKS User
 * Guide, "Learn how EKS Pod Identity grants pods access to AWS services".
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
  /** The node of this name; undefined if it was not read. */
  readonly nodeOf: (name: string) => AgentNode | undefined;
};

/** Whether the agent of the pod's node gives credentials to the pod. */
export function agentFor(pod: Pod, lookup: AgentLookup): AgentState {
  if (isOnFargate(pod)) return { state: 'missing', computeType: 'fargate' };
  const node = pod.spec?.nodeName;
  return node === undefined ? { state: 'changing' } : agentOf(node, lookup);
}

/** Whether a node has an agent that gives credentials to its pods. */
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
 * Uses the readiness of containers, which the kubelet reports. If a node is unreachable, Kubernetes changes only the condition
 * `Ready` of its pods. With that condition, an unreachable node would look like a node without an agent.
 */
function isServing(pod: Pod): boolean {
  const { phase, containerStatuses = [] } = pod.status ?? {};
  return (
    phase === 'Running' && !isTerminating(pod) && containerStatuses.every(({ ready }) => ready !== false)
  );
}

/** Whether the agent starts for the first time and nothing has failed so far. */
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

/** Reasons of containers that wait without an error. Source: kubelet, `PodInitializing` and `ContainerCreating`. */
const beforeStart: readonly string[] = ['PodInitializing', 'ContainerCreating'];
