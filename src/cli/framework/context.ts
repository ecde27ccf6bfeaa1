/**
 * Environment of a command: streams, variables, clocks, cluster. Commands receive the environment as a parameter, so
 * that tests can run commands inside the test process.
 */
import type { Readable } from 'node:stream';
import type { Connection, KubeClient } from '../../kube/index.ts';
import type { TerminalSize } from '../../kube/streams/index.ts';
import type { OutputFormat } from './output/format.ts';
import type { Monotonic, Wall } from '../../k8s/time.ts';

export type OutputStream = {
  write(text: string): void;
  readonly isTTY: boolean;
  /** Characters per line. Defined only on a terminal. */
  readonly columns: number | undefined;
};

export type Output = OutputStream & {
  /** Whether the output may contain colour: on a terminal, unless `NO_COLOR`, `--no-color` or `TERM=dumb` is set. */
  readonly color: boolean;
  /** Whether written lines can be overwritten: on a terminal, unless `TERM=dumb` is set. */
  readonly redraws: boolean;
};

export type InputStream = {
  readonly isTTY: boolean;
  /** Reads up to the end of the stream. */
  readAll(): Promise<string>;
  /** Reads one line, without its line break; undefined at the end of the stream. */
  readLine(): Promise<string | undefined>;
};

/** Standard streams of `kon` as bytes, and its terminal. Commands connect them to a program that runs in a pod. */
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

export type SpawnResult = { readonly code: number | null; readonly signal: string | null };

/**
 * Everything that the host process provides to the command line. Other code must not read it from the process. The only
 * real implementation is in src/bin.
 */
export type Host = {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly stdin: InputStream;
  /** Standard streams as bytes, for data that is passed on unchanged. */
  readonly bytes: () => Promise<ByteStreams>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Clock for times that are stored in objects. */
  readonly now: () => Wall;
  /** Clock for delays, timeouts and durations. */
  readonly monotonic: () => Monotonic;
  readonly startedAt: Monotonic;
  /** Uniform random number in [0, 1). */
  readonly random: () => number;
  /** From this call on, lets the program finish even if the reader of its output closes the pipe. */
  readonly continueWithoutReader: () => void;
  /** Aborted on Ctrl-C and on SIGTERM. */
  readonly signal: AbortSignal;
  /** Program and leading arguments that start `kon`, without the user's arguments; used to start `kon` again. */
  readonly self: readonly [string, ...string[]];
  /** Command line of another program that ships with `kon`. */
  readonly companion: (name: 's3-probe' | 'tour-editor') => readonly [string, ...string[]];
  /** Runs a program on the host's own terminal until it ends. Rejects if the program cannot be started. */
  readonly spawn: (
    program: string,
    args: readonly string[],
    options?: { readonly env?: Readonly<Record<string, string | undefined>>; readonly cwd?: string },
  ) => Promise<SpawnResult>;
};

/** Options that every command accepts. */
export type GlobalOptions = {
  readonly context: string | undefined;
  readonly kubeconfig: string | undefined;
  /** User to impersonate in the cluster. */
  readonly as: string | undefined;
  readonly asGroups: readonly string[];
  readonly output: OutputFormat | undefined;
  /** Text after `=` in `--output`, for formats with a template. */
  readonly template?: string;
  readonly color: boolean;
  readonly verbose: boolean;
  /** Mode of `--dry-run`. `client`: no write is sent to the API server. */
  readonly dryRun?: 'client' | 'server' | undefined;
};

/** Selection of the cluster and of the user's identity in the cluster. */
export type ClusterSelection = Pick<GlobalOptions, 'context' | 'kubeconfig'> &
  Partial<Pick<GlobalOptions, 'as' | 'asGroups' | 'dryRun'>>;

export type CliContext = Omit<Host, 'stdout' | 'stderr'> & {
  /** Stream for data that the command returns. */
  readonly stdout: Output;
  /** Stream for progress, notes and errors. */
  readonly stderr: Output;
  readonly global: GlobalOptions;
  /** Output format: the value of `--output`, or the command's default. */
  readonly format: OutputFormat;
  /** Template of the format; empty for a format without a template. */
  readonly template: string;
  /** Location of the cluster and identity of the user. @throws KubeConfigError */
  readonly connection: () => Promise<Connection>;
  /** Client of the cluster, created on first use and closed after the command. @throws KubeConfigError */
  readonly connect: () => Promise<KubeClient>;
  /** Logs an action on stderr, only with `-v`. */
  readonly debug: (text: string) => void;
};
