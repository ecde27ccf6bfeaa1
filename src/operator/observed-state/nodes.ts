/**
 * Cache of nodes that were read because a pod with a Pod Identity runs there, but no Pod Identity agent pod serves it.
 * EKS sets the relevant label when a node registers, so each node is read once. The node leaves the cache with the last
 * such pod.
 */
import type { AgentNode } from '../../workloads/index.ts';
import { podsByNode, type Informers } from '../context.ts';

export type NodeCache = {
  /** Returns the node, or undefined if the node was not read. */
  get(name: string): AgentNode | undefined;
  /** Stores the node that a read returned. */
  read(name: string, node: AgentNode): void;
};

export function createNodeCache({ pods }: Pick<Informers, 'pods'>): NodeCache {
  const nodes = new Map<string, AgentNode>();
  pods.onChange(({ old, new: present }) => {
    const left = old?.spec?.nodeName;
    if (left === undefined || left === present?.spec?.nodeName) return;
    if (pods.store.byIndex(podsByNode, left).length === 0) nodes.delete(left);
  });
  return {
    get: (name) => nodes.get(name),
    read: (name, node) => void nodes.set(name, node),
  };
}
