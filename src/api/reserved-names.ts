/**
 * Names that targets and accounts must not have. Admission rejects reserved names. The planners report reserved names
 * in objects that are older than the admission policies.
 */
import { isReservedTarget } from './cluster-config.ts';

/**
 * Whether a namespace cannot be a target. The namespaces of Kubernetes, `default` and the operator's own namespace are
 * reserved. Their pods and ServiceAccounts belong to the cluster, and the operator must not change them.
 * @param operatorNamespace namespace of the operator, if known
 */
export function isReservedNamespace(name: string, operatorNamespace?: string): boolean {
  return isReservedTarget(name) || name === operatorNamespace;
}

/** Message for a target with a reserved name. */
export function reservedTargetMessage(name: string): string {
  return `the namespace "${name}" is reserved and cannot be a target; remove it from the targets: kon target delete ${name}`;
}

/** Pods without a ServiceAccount run as `default`, so an account of this name would give its permissions to all such pods. */
export const reservedAccountName = 'default';
