/** Events while a sandbox starts, runs and stops. The caller displays them. */
import type { BinaryEvent } from '../binaries/events.ts';
import type { PartName } from './description.ts';

export type SandboxEvent =
  | BinaryEvent
  /** The leftovers of a killed sandbox were removed. */
  | { readonly kind: 'cleaned'; readonly folder: string }
  | { readonly kind: 'part-started'; readonly part: PartName; readonly version: string }
  /** A step of the start is complete. `elapsedMs` is in milliseconds since the sandbox began to start. */
  | { readonly kind: 'step-done'; readonly step: SandboxStep; readonly elapsedMs: number }
  | { readonly kind: 'part-ended'; readonly part: PartName; readonly message: string }
  | { readonly kind: 'ready'; readonly elapsedMs: number }
  | { readonly kind: 'stopping' };

/** Steps of the sandbox's start, in their usual order. */
export type SandboxStep =
  | 'binaries'
  | 'aws'
  | 'api-server'
  | 'crds'
  | 'node'
  | 'controllers'
  | 'webhook'
  | 'operator';

export type SandboxReporter = (event: SandboxEvent) => void;
