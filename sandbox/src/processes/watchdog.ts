/**
 * Kills every child of a process that dies, even if the process dies by SIGKILL. A shell of about a megabyte, in its
 * own session, holds the reading end of a pipe: when the kernel closes the other end for any reason, the shell kills
 * every registered process group. Linux has PR_SET_PDEATHSIG for this purpose, but macOS has no equivalent, and a pipe
 * works on both systems.
 */
import { spawn } from 'node:child_process';
import { finished } from 'node:stream/promises';

export type Watchdog = {
  readonly pid: number;
  /** Registers a process group. Resolves once the watchdog has registered the group. */
  add(processGroup: number): Promise<void>;
  /** Unregisters a process group that has ended, because the group's id can be reused. */
  drop(processGroup: number): void;
  /** Ends the watchdog, which kills the process groups that are still registered. */
  close(): Promise<void>;
};

const script = `
trap '' HUP INT TERM
echo ready
groups=
while read -r action group; do
  case $action in
    add) groups="$groups $group" ;;
    drop)
      rest=
      for each in $groups; do [ "$each" = "$group" ] || rest="$rest $each"; done
      groups=$rest ;;
  esac
done
for each in $groups; do kill -s KILL -- "-$each" 2>/dev/null; done
exit 0
`;

export async function startWatchdog(): Promise<Watchdog> {
  const child = spawn('/bin/sh', ['-c', script, 'konstellation-watchdog'], {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {},
  });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  // Waits for the shell's first response: before it, the shell does not ignore signals yet, so a signal could end the
  // shell.
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('exit', () => reject(new Error('the watchdog of the sandbox ended right after its start')));
    child.once('error', reject);
  });
  child.stdout.destroy();
  const { pid, stdin } = child;
  if (pid === undefined) throw new Error('the watchdog has no process id');
  // The watchdog must not keep this process alive, because its purpose is to detect the end of this process.
  child.unref();
  stdin.on('error', () => {
    // The watchdog has ended; the next registration reports this by failing.
  });
  return {
    pid,
    add: (group) =>
      new Promise((resolve, reject) => {
        stdin.write(`add ${group}\n`, (error) => {
          if (error) reject(new Error('the watchdog of the sandbox has ended', { cause: error }));
          else resolve();
        });
      }),
    drop: (group) => {
      if (stdin.writable) stdin.write(`drop ${group}\n`);
    },
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.ref();
      stdin.end();
      await finished(stdin).catch(() => undefined);
      await ended;
    },
  };
}
