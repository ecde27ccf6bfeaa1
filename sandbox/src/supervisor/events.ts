/** What is told while a sandbox starts, runs and stops. The engine knows no terminal: its caller shows these. */
import type { BinaryEvent } from '../binaries/events.ts';
import type { PartName } from './description.ts';

export type SandboxEvent =
  | BinaryEvent
  /** What is left of a sandbox that was killed has been removed. */
  | { readonly kind: 'cleaned'; readonly folder: string }
  | { readonly kind: 'part-started'; readonly part: PartName; readonly version: string }
  /** Milliseconds since the whole start began. */
  | { readonly kind: 'step-done'; readonly step: SandboxStep; readonly elapsedMs: number }
  | { readonly kind: 'part-ended'; readonly part: PartName; readonly message: string }
  | { readonly kind: 'ready'; readonly elapsedMs: number }
  | { readonly kind: 'stopping' };

/** In the order in which they usually come. */
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
