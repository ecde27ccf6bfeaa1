/** Stable exit codes of `kon`, for use in scripts. Documented in docs/guides/output.md. */
export const exitCodes = {
  ok: 0,
  /** The command failed, or the result is not as requested. */
  error: 1,
  /** The command line itself is wrong, and the command did nothing. */
  usage: 2,
  /** A command that answers a question failed. For such a command, `error` means the answer "no". */
  notCompared: 3,
  /** The cluster or AWS rejects the credentials: missing, expired or wrong. */
  authentication: 4,
  /** The command was ended by Ctrl-C: 128 + SIGINT, as in shells. */
  interrupted: 130,
} as const;

/** Meaning of each exit code, for the manual. */
export const exitCodeMeanings: Readonly<Record<(typeof exitCodes)[keyof typeof exitCodes], string>> = {
  0: 'The command did what you asked.',
  1: 'The command failed, or the requested state is not reached yet. The error gives the reason and the next steps.',
  2: 'The command line is wrong, or a confirmation is missing. Nothing was attempted.',
  3: 'For commands that answer yes (0) or no (1): the answer could not be determined.',
  4: 'The cluster or AWS rejected the credentials, or there are none.',
  130: 'Ended by Ctrl-C or SIGTERM. Saved changes stay; only the wait for them ends.',
};

/** One of `exitCodes`, or the exit code of a program that `kon` ran. */
export type ExitCode = number;
