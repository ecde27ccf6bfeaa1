/** Tag keys that neither an account nor a ClusterConfig may set on a role. */

/**
 * Ownership tags, tags of AWS, and the session tags of EKS Pod Identity, which a role's own tags would imitate.
 * https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html
 */
export const reservedTagPrefixes = ['k11n.dev/', 'aws:', 'kubernetes-', 'eks-cluster-'] as const;

/** IAM compares tag keys without regard to case. */
export function isReservedTagKey(key: string): boolean {
  const lower = key.toLowerCase();
  return reservedTagPrefixes.some((prefix) => lower.startsWith(prefix));
}
