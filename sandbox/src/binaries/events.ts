/** Events that are reported while programs are located. The caller decides whether to display them. */
import type { BinaryName } from './parts.ts';

export type BinaryEvent =
  /** The program in `KUBEBUILDER_ASSETS` has the wrong version and is not used. */
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
  /** The download of a program failed, so the program is built instead. */
  | {
      readonly kind: 'download-failed';
      readonly binary: BinaryName;
      readonly url: string;
      readonly reason: string;
    }
  /** Another process is installing programs in the same cache. */
  | { readonly kind: 'waiting'; readonly pid: number }
  /** Progress of a build, repeated about every second. */
  | {
      readonly kind: 'building';
      readonly binary: BinaryName;
      readonly packages: number;
      readonly elapsedMs: number;
    }
  | { readonly kind: 'built'; readonly binary: BinaryName; readonly elapsedMs: number };

export type BinaryReporter = (event: BinaryEvent) => void;
