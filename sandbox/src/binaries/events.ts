/** What is told while the programs are being found. The engine knows no terminal: its caller shows these, or does not. */
import type { BinaryName } from './parts.ts';

export type BinaryEvent =
  /** `KUBEBUILDER_ASSETS` has the program in a version that does not fit; it is not used. */
  | {
      readonly kind: 'unfit';
      readonly binary: BinaryName;
      readonly path: string;
      readonly version: string;
      readonly needed: string;
    }
  | {
      readonly kind: 'downloading';
      readonly binary: BinaryName;
      readonly url: string;
      readonly receivedBytes: number;
      readonly totalBytes: number | undefined;
    }
  | { readonly kind: 'downloaded'; readonly binary: BinaryName; readonly url: string }
  /** Not the end: the program is built instead. */
  | {
      readonly kind: 'download-failed';
      readonly binary: BinaryName;
      readonly url: string;
      readonly reason: string;
    }
  /** Another process is getting the programs into the same cache. */
  | { readonly kind: 'waiting'; readonly pid: number }
  /** Again and again while it goes on, about once a second. */
  | {
      readonly kind: 'building';
      readonly binary: BinaryName;
      readonly packages: number;
      readonly elapsedMs: number;
    }
  | { readonly kind: 'built'; readonly binary: BinaryName; readonly elapsedMs: number };

export type BinaryReporter = (event: BinaryEvent) => void;
