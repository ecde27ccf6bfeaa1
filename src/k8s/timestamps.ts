/** Timestamps of Kubernetes objects: RFC 3339, UTC. */
import type { Wall } from './time.ts';

/** Formats a `metav1.Time`, truncated to whole seconds. */
export function formatTime(date: Wall): string {
  return new Date(date).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** Formats a `metav1.MicroTime`, with microseconds. */
export function formatMicroTime(date: Wall): string {
  return new Date(date).toISOString().replace('Z', '000Z');
}
