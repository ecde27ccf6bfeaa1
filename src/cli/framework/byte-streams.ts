/**
 * Standard streams of the process as bytes, and its terminal, for programs that run in a pod. The real implementation
 * is in src/bin.
 */
import type { Readable } from 'node:stream';
import type { TerminalSize } from '../../kube/streams/index.ts';

export type ByteStreams = {
  /** Content of stdin. It can be read only once. */
  readonly input: () => AsyncIterable<Uint8Array>;
  /** Writes bytes, and resolves when the reader has consumed them, so that a slow reader slows down the writer. */
  readonly write: (to: 'stdout' | 'stderr', bytes: Uint8Array) => Promise<void>;
  /** Whether both stdin and stdout are a terminal. */
  readonly isTerminal: boolean;
  /**
   * Sets the terminal to raw mode: keys, including Ctrl-C, arrive one by one and are not echoed. The returned function
   * ends raw mode.
   */
  readonly takeKeyboard: () => () => void;
  /** Stdin, for questions that the user answers by pressing single keys. */
  readonly keyboard: () => Readable;
  readonly size: () => TerminalSize;
  /** Calls the listener at each change of the window size, until the returned function is called. */
  readonly onResize: (listener: (size: TerminalSize) => void) => () => void;
};
