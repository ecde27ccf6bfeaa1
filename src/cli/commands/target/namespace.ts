/** Determines the state of a target's namespace. */
import type { KubeObject } from '../../../kube/index.ts';

export type Namespace = KubeObject & { readonly status?: { readonly phase?: string } };

/** `Missing` means that no namespace with this name exists. */
export type NamespaceState = 'Active' | 'Terminating' | 'Missing';

export function stateOf(namespace: Namespace | undefined): NamespaceState {
  if (!namespace) return 'Missing';
  return namespace.status?.phase === 'Terminating' || namespace.metadata.deletionTimestamp !== undefined
    ? 'Terminating'
    : 'Active';
}
