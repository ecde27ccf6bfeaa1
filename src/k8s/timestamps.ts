/** Timestamps of Kubernetes objects: RFC 3339, UTC. */

/** Formats a `metav1.Time`: whole seconds, the rest cut off. */
export function formatTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** Formats a `metav1.MicroTime`: microseconds. */
export function formatMicroTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '000Z');
}
