/**
 * Makes sure that no child outlives the process which started it, even when that is ended by SIGKILL and can do
 * nothing itself. A shell of about a megabyte, in a session of its own, holds the reading end of a pipe: when the
 * kernel closes the other end, whatever the reason, the shell kills every process group it was told of.
 * Linux could do this with PR_SET_PDEATHSIG; macOS has nothing like it, and a pipe works on both.
 */
import { spawn } from 'node:child_process';
import { finished } from 'node:stream/promises';

export type Watchdog = {
  readonly pid: number;
  /** Resolves once the watchdog is sure to know of the group. */
  add(processGroup: number): Promise<void>;
  /** For a group that has ended, because its number may be given to somebody else. */
  drop(processGroup: number): void;
  /** Ends the watchdog, which kills what is left of its groups. */
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
  // Before it has said so, a signal could still end it.
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('exit', () => reject(new Error('the watchdog of the sandbox ended at once')));
    child.once('error', reject);
  });
  child.stdout.destroy();
  const { pid, stdin } = child;
  if (pid === undefined) throw new Error('the watchdog has no process id');
  // It must not keep this process alive: its whole purpose is to notice the end.
  child.unref();
  stdin.on('error', () => {
    // The watchdog is gone; whoever adds to it next hears of that.
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
