/**
 * All that a command knows of the world outside: streams, environment, clock, cluster. Commands take it as a
 * parameter, so that they run in a test's process as they run in a terminal.
 */
import type { Connection, KubeClient } from '../../kube/index.ts';
import type { OutputFormat } from './output/format.ts';
import type { ByteStreams } from './byte-streams.ts';
import type { Monotonic, Wall } from '../../k8s/time.ts';

export type OutputStream = {
  write(text: string): void;
  readonly isTTY: boolean;
  /** Characters per line. Defined on a terminal. */
  readonly columns: number | undefined;
};

export type Output = OutputStream & {
  /** Whether colour may be written to it: on a terminal, unless `NO_COLOR`, `--no-color` or `TERM=dumb`. */
  readonly color: boolean;
  /** Whether written lines can be overwritten: on a terminal, unless `TERM=dumb`. */
  readonly redraws: boolean;
};

export type InputStream = {
  readonly isTTY: boolean;
  /** Everything up to the end of the stream. */
  readAll(): Promise<string>;
  /** One line, without its end; undefined at the end of the stream. */
  readLine(): Promise<string | undefined>;
};

export type SpawnResult = { readonly code: number | null; readonly signal: string | null };

/**
 * Everything that the host process provides to the command line, because libraries must not read it themselves.
 * The only real one is in src/bin.
 */
export type Host = {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly stdin: InputStream;
  /** The same three as bytes, for what is passed on as it comes. */
  readonly bytes: () => Promise<ByteStreams>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** For times that stand in objects. */
  readonly now: () => Wall;
  /** For delays, time-outs and how long something took. */
  readonly monotonic: () => Monotonic;
  /** Start of the process. */
  readonly startedAt: Monotonic;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** From now on the program finishes even if the reader of its output is gone. */
  readonly goOnUnread: () => void;
  /** Aborts on Ctrl-C and on SIGTERM. */
  readonly signal: AbortSignal;
  /** The program which runs this command line, and the arguments that come before those of the user; to start oneself again. */
  readonly self: readonly [string, ...string[]];
  /** Another program that ships with this one. */
  readonly companion: (name: 's3-probe' | 'tour-editor') => readonly [string, ...string[]];
  /** Runs a program on the host's own terminal until it ends. Rejects when it cannot be started. */
  readonly spawn: (
    program: string,
    args: readonly string[],
    options?: { readonly env?: Readonly<Record<string, string | undefined>>; readonly cwd?: string },
  ) => Promise<SpawnResult>;
};

/** The options which every command takes. */
export type GlobalOptions = {
  readonly context: string | undefined;
  readonly kubeconfig: string | undefined;
  readonly output: OutputFormat | undefined;
  readonly color: boolean;
  readonly verbose: boolean;
};

export type CliContext = Omit<Host, 'stdout' | 'stderr'> & {
  /** Data: what the command was asked for. */
  readonly stdout: Output;
  /** Progress, notes and errors. */
  readonly stderr: Output;
  readonly global: GlobalOptions;
  /** The format to answer in: that of `--output`, else the command's default. */
  readonly format: OutputFormat;
  /** Where the cluster is and who asks. @throws KubeConfigError */
  readonly connection: () => Promise<Connection>;
  /** The client of that cluster, created on first use and closed after the command. @throws KubeConfigError */
  readonly connect: () => Promise<KubeClient>;
  /** Says on stderr what is done, with `-v` only. */
  readonly debug: (text: string) => void;
};
