/**
 * Cache of nodes that were read because they run a pod with a Pod Identity, but no Pod Identity agent that can serve
 * the pod. The operator needs only the label for the compute type. EKS sets this label when the node registers, so each
 * node is read once. A node leaves the cache when the last pod with a Pod Identity has left the node.
 */
import type { AgentNode } from '../../workloads/index.ts';
import { podsByNode, type Informers } from '../context.ts';

export type NodeCache = ReturnType<typeof createNodeCache>;

export function createNodeCache({ pods }: Pick<Informers, 'pods'>) {
  const nodes = new Map<string, AgentNode>();
  pods.onChange(({ old, new: present }) => {
    const left = old?.spec?.nodeName;
    if (left === undefined || left === present?.spec?.nodeName) return;
    if (pods.store.byIndex(podsByNode, left).length === 0) nodes.delete(left);
  });
  return {
    /** Returns the node, or undefined if the node was not read. */
    get: (name: string): AgentNode | undefined => nodes.get(name),
    /** Stores the node that a read returned. */
    read: (name: string, node: AgentNode): void => void nodes.set(name, node),
  };
}
