/** The namespace of a target. */
import type { KubeObject } from '../../../kube/index.ts';

export type Namespace = KubeObject & { readonly status?: { readonly phase?: string } };

/** `Missing` while there is no namespace of that name. */
export type NamespaceState = 'Active' | 'Terminating' | 'Missing';

export function stateOf(namespace: Namespace | undefined): NamespaceState {
  if (!namespace) return 'Missing';
  return namespace.status?.phase === 'Terminating' || namespace.metadata.deletionTimestamp !== undefined
    ? 'Terminating'
    : 'Active';
}
