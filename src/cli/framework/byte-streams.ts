/** The streams of a process as bytes, and its terminal as a program in a pod needs it. The real ones are in src/bin. */
import type { Readable, Writable } from 'node:stream';
import type { TerminalSize } from '../../kube/streams/index.ts';

export type ByteStreams = {
  /** Content of stdin. May be read once. */
  readonly input: () => AsyncIterable<Uint8Array>;
  /** Resolves when the reader has taken it, so that a slow reader slows who writes. */
  readonly write: (to: 'stdout' | 'stderr', bytes: Uint8Array) => Promise<void>;
  /** Whether stdin and stdout are a terminal. */
  readonly isTerminal: boolean;
  /** Each key comes as it is pressed, Ctrl-C too, and none is shown; until the returned function is called. */
  readonly takeKeyboard: () => () => void;
  /** For a question that is answered with single keys. The screen is where progress goes, so that stdout holds data alone. */
  readonly prompt: () => { readonly keyboard: Readable; readonly screen: Writable };
  readonly size: () => TerminalSize;
  /** Calls the listener at each change of the window size, until the returned function is called. */
  readonly onResize: (listener: (size: TerminalSize) => void) => () => void;
};
