/** Names that no target and no account may have. Admission refuses them; the planners report them in objects from before that. */
import { isReservedTarget } from './cluster-config.ts';

/**
 * Namespaces that cannot be targets: those of Kubernetes, `default`, and the operator's own. Pods and ServiceAccounts there
 * belong to the cluster, and the operator is fenced off from them.
 * @param operatorNamespace where the operator runs, as far as that is known
 */
export function isReservedNamespace(name: string, operatorNamespace?: string): boolean {
  return isReservedTarget(name) || name === operatorNamespace;
}

/** Advice for a target that is reserved. */
export function reservedTargetMessage(name: string): string {
  return `the namespace "${name}" is reserved and cannot be a target; take it out: kon target delete ${name}`;
}

/** Every pod that names no ServiceAccount runs as this one, so that an account of this name would reach all of them. */
export const reservedAccountName = 'default';
