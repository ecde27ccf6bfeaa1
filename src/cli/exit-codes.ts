/** The exit codes of `kon`, which scripts may rely on. Documented in docs/guides/output.md. */
export const exitCodes = {
  ok: 0,
  /** What was asked for was not done, or is not as asked. */
  error: 1,
  /** The command line itself is wrong; nothing was tried. */
  usage: 2,
  /** A comparison could not be made: there, `error` means that something differs. */
  notCompared: 3,
  /** The cluster or AWS does not accept who is asking: no, expired or wrong credentials. */
  authentication: 4,
  /** Ended by Ctrl-C: 128 + SIGINT, as shells have it. */
  interrupted: 130,
} as const;

/** One of `exitCodes`, or what a program that was run in a pod's place exited with. */
export type ExitCode = number;
