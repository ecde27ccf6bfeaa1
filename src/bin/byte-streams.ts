/** Gives commands the standard streams of this process as bytes, and control of the terminal. */
import { spawnSync } from 'node:child_process';
import { isatty } from 'node:tty';
import type { ByteStreams } from '../cli/framework/context.ts';

export function byteStreams(): ByteStreams {
  const { stdin, stdout, stderr } = process;
  // A terminal without a known size reports 0. In that case, the size is assumed to be 80 by 24.
  const size = (): { columns: number; rows: number } => ({
    columns: stdout.columns || 80,
    rows: stdout.rows || 24,
  });
  return {
    input: () => stdin,
    write: (to, bytes) =>
      new Promise((resolve) => {
        // The promise resolves even after a write error, because the `error` listeners of the stream handle write
        // errors.
        (to === 'stdout' ? stdout : stderr).write(bytes, () => resolve());
      }),
    isTerminal: isatty(stdin.fd) && isatty(stdout.fd),
    takeKeyboard() {
      stdin.setRawMode(true);
      // In Node.js's raw mode, the terminal still converts NL to CR NL, which garbles full-screen programs. This call
      // disables that conversion until raw mode ends. Without the program stty, the call has no effect.
      spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
      return () => {
        stdin.setRawMode(false);
        stdin.pause();
      };
    },
    keyboard: () => stdin,
    size,
    onResize(listener) {
      const notify = (): void => listener(size());
      stdout.on('resize', notify);
      return () => void stdout.off('resize', notify);
    },
  };
}
